//! Counters of interfaces and switches: sflow_version_5.txt, sflow_lag.txt, sflow_optics.txt, sflow_openflow.txt, draft_sflow_pfc.txt.

use serde::Serialize;

use crate::address::Mac;
use crate::bytes::Text;
use crate::code_point::InterfaceDirection;
use crate::error::ErrorKind;
use crate::list::List;
use crate::wire::{Input, Value};

fixed_structures! {
    /// `if_counters` 0:1, 88 bytes: generic interface counters (RFC 2233).
    IfCounters = 0:1 "if_counters" {
        /// The interface's number.
        if_index: gauge u32,
        /// IANAifType; 6 is Ethernet.
        if_type: gauge u32,
        /// Bits per second.
        if_speed: gauge u64,
        /// Duplex mode, derived from the MAU MIB (RFC 2668).
        if_direction: gauge InterfaceDirection,
        /// Bit 0: administratively up, bit 1: operationally up.
        if_status: gauge u32,
        /// Bytes received.
        if_in_octets: counter u64,
        /// Unicast packets received.
        if_in_ucast_pkts: counter u32,
        /// Multicast packets received; hsflowd sends "unknown".
        if_in_multicast_pkts: counter u32,
        /// Broadcast packets received; hsflowd sends "unknown".
        if_in_broadcast_pkts: counter u32,
        /// Packets received and discarded without an error in them.
        if_in_discards: counter u32,
        /// Packets received with an error.
        if_in_errors: counter u32,
        /// Packets received of a protocol that is not known; hsflowd sends "unknown".
        if_in_unknown_protos: counter u32,
        /// Bytes sent.
        if_out_octets: counter u64,
        /// Unicast packets sent.
        if_out_ucast_pkts: counter u32,
        /// Multicast packets sent; hsflowd sends "unknown".
        if_out_multicast_pkts: counter u32,
        /// Broadcast packets sent; hsflowd sends "unknown".
        if_out_broadcast_pkts: counter u32,
        /// Packets to be sent that were discarded without an error in them.
        if_out_discards: counter u32,
        /// Packets that could not be sent because of an error.
        if_out_errors: counter u32,
        /// 1: promiscuous, 2: not.
        if_promiscuous_mode: gauge u32,
    }

    /// `ethernet_counters` 0:2, 52 bytes: Ethernet interface counters (RFC 2358).
    EthernetCounters = 0:2 "ethernet_counters" {
        /// `dot3StatsAlignmentErrors`.
        dot3_stats_alignment_errors: counter u32,
        /// `dot3StatsFCSErrors`.
        dot3_stats_fcs_errors: counter u32,
        /// `dot3StatsSingleCollisionFrames`.
        dot3_stats_single_collision_frames: counter u32,
        /// `dot3StatsMultipleCollisionFrames`.
        dot3_stats_multiple_collision_frames: counter u32,
        /// `dot3StatsSQETestErrors`.
        dot3_stats_sqe_test_errors: counter u32,
        /// `dot3StatsDeferredTransmissions`.
        dot3_stats_deferred_transmissions: counter u32,
        /// `dot3StatsLateCollisions`.
        dot3_stats_late_collisions: counter u32,
        /// `dot3StatsExcessiveCollisions`.
        dot3_stats_excessive_collisions: counter u32,
        /// `dot3StatsInternalMacTransmitErrors`.
        dot3_stats_internal_mac_transmit_errors: counter u32,
        /// `dot3StatsCarrierSenseErrors`.
        dot3_stats_carrier_sense_errors: counter u32,
        /// `dot3StatsFrameTooLongs`.
        dot3_stats_frame_too_longs: counter u32,
        /// `dot3StatsInternalMacReceiveErrors`.
        dot3_stats_internal_mac_receive_errors: counter u32,
        /// `dot3StatsSymbolErrors`.
        dot3_stats_symbol_errors: counter u32,
    }

    /// `tokenring_counters` 0:3, 72 bytes: token ring counters (RFC 1748).
    TokenringCounters = 0:3 "tokenring_counters" {
        /// `dot5StatsLineErrors`.
        dot5_stats_line_errors: counter u32,
        /// `dot5StatsBurstErrors`.
        dot5_stats_burst_errors: counter u32,
        /// `dot5StatsACErrors`.
        dot5_stats_ac_errors: counter u32,
        /// `dot5StatsAbortTransErrors`.
        dot5_stats_abort_trans_errors: counter u32,
        /// `dot5StatsInternalErrors`.
        dot5_stats_internal_errors: counter u32,
        /// `dot5StatsLostFrameErrors`.
        dot5_stats_lost_frame_errors: counter u32,
        /// `dot5StatsReceiveCongestions`.
        dot5_stats_receive_congestions: counter u32,
        /// `dot5StatsFrameCopiedErrors`.
        dot5_stats_frame_copied_errors: counter u32,
        /// `dot5StatsTokenErrors`.
        dot5_stats_token_errors: counter u32,
        /// `dot5StatsSoftErrors`.
        dot5_stats_soft_errors: counter u32,
        /// `dot5StatsHardErrors`.
        dot5_stats_hard_errors: counter u32,
        /// `dot5StatsSignalLoss`.
        dot5_stats_signal_loss: counter u32,
        /// `dot5StatsTransmitBeacons`.
        dot5_stats_transmit_beacons: counter u32,
        /// `dot5StatsRecoverys`.
        dot5_stats_recoverys: counter u32,
        /// `dot5StatsLobeWires`.
        dot5_stats_lobe_wires: counter u32,
        /// `dot5StatsRemoves`.
        dot5_stats_removes: counter u32,
        /// `dot5StatsSingles`.
        dot5_stats_singles: counter u32,
        /// `dot5StatsFreqErrors`.
        dot5_stats_freq_errors: counter u32,
    }

    /// `vg_counters` 0:4, 80 bytes: 100BaseVG interface counters (RFC 2020).
    VgCounters = 0:4 "vg_counters" {
        /// `dot12InHighPriorityFrames`.
        dot12_in_high_priority_frames: counter u32,
        /// `dot12InHighPriorityOctets`.
        dot12_in_high_priority_octets: counter u64,
        /// `dot12InNormPriorityFrames`.
        dot12_in_norm_priority_frames: counter u32,
        /// `dot12InNormPriorityOctets`.
        dot12_in_norm_priority_octets: counter u64,
        /// `dot12InIPMErrors`.
        dot12_in_ipm_errors: counter u32,
        /// `dot12InOversizeFrameErrors`.
        dot12_in_oversize_frame_errors: counter u32,
        /// `dot12InDataErrors`.
        dot12_in_data_errors: counter u32,
        /// `dot12InNullAddressedFrames`.
        dot12_in_null_addressed_frames: counter u32,
        /// `dot12OutHighPriorityFrames`.
        dot12_out_high_priority_frames: counter u32,
        /// `dot12OutHighPriorityOctets`.
        dot12_out_high_priority_octets: counter u64,
        /// `dot12TransitionIntoTrainings`.
        dot12_transition_into_trainings: counter u32,
        /// `dot12HCInHighPriorityOctets`.
        dot12_hc_in_high_priority_octets: counter u64,
        /// `dot12HCInNormPriorityOctets`.
        dot12_hc_in_norm_priority_octets: counter u64,
        /// `dot12HCOutHighPriorityOctets`.
        dot12_hc_out_high_priority_octets: counter u64,
    }

    /// `vlan_counters` 0:5, 28 bytes.
    VlanCounters = 0:5 "vlan_counters" {
        /// The VLAN's number.
        vlan_id: gauge u32,
        /// Bytes.
        octets: counter u64,
        /// Unicast packets.
        ucast_pkts: counter u32,
        /// Multicast packets.
        multicast_pkts: counter u32,
        /// Broadcast packets.
        broadcast_pkts: counter u32,
        /// Discarded packets.
        discards: counter u32,
    }

    /// `lag_port_stats` 0:7, 56 bytes: a port of an aggregation group (IEEE8023-LAG-MIB).
    LagPortStats = 0:7 "lag_port_stats" {
        /// `dot3adAggPortActorSystemID`.
        dot3ad_agg_port_actor_system_id: gauge Mac,
        /// `dot3adAggPortPartnerOperSystemID`.
        dot3ad_agg_port_partner_oper_system_id: gauge Mac,
        /// `dot3adAggPortAttachedAggID`.
        dot3ad_agg_port_attached_agg_id: gauge u32,
        /// State octets: actor admin, actor oper, partner admin, partner oper.
        dot3ad_agg_port_state: gauge [u8; 4],
        /// `dot3adAggPortStatsLACPDUsRx`.
        dot3ad_agg_port_stats_lacpdus_rx: counter u32,
        /// `dot3adAggPortStatsMarkerPDUsRx`.
        dot3ad_agg_port_stats_marker_pdus_rx: counter u32,
        /// `dot3adAggPortStatsMarkerResponsePDUsRx`.
        dot3ad_agg_port_stats_marker_response_pdus_rx: counter u32,
        /// `dot3adAggPortStatsUnknownRx`.
        dot3ad_agg_port_stats_unknown_rx: counter u32,
        /// `dot3adAggPortStatsIllegalRx`.
        dot3ad_agg_port_stats_illegal_rx: counter u32,
        /// `dot3adAggPortStatsLACPDUsTx`.
        dot3ad_agg_port_stats_lacpdus_tx: counter u32,
        /// `dot3adAggPortStatsMarkerPDUsTx`.
        dot3ad_agg_port_stats_marker_pdus_tx: counter u32,
        /// `dot3adAggPortStatsMarkerResponsePDUsTx`.
        dot3ad_agg_port_stats_marker_response_pdus_tx: counter u32,
    }

    /// `pfc_counters` 0:11, 20 bytes: priority flow control (IEEE8021-PFC-MIB).
    PfcCounters = 0:11 "pfc_counters" {
        /// PFC requests sent.
        requests: counter u32,
        /// PFC indications received.
        indications: counter u32,
        /// Time spent in pause.
        pause_duration: counter u32,
        /// PFC storms detected.
        storm_detected: counter u32,
        /// PFC storms that ended.
        storm_restored: counter u32,
    }

    /// `processor` 0:1001, 28 bytes: a device's CPU and memory.
    Processor = 0:1001 "processor" {
        /// Average CPU utilisation over 5 seconds in hundredths of a percent; -1 unknown.
        cpu_5s as "5s_cpu": percentage i32,
        /// Average CPU utilisation over 1 minute in hundredths of a percent; -1 unknown.
        cpu_1m as "1m_cpu": percentage i32,
        /// Average CPU utilisation over 5 minutes in hundredths of a percent; -1 unknown.
        cpu_5m as "5m_cpu": percentage i32,
        /// Bytes.
        total_memory: gauge u64,
        /// Bytes.
        free_memory: gauge u64,
    }

    /// `of_port` 0:1004, 12 bytes: an OpenFlow port.
    OfPort = 0:1004 "of_port" {
        /// The datapath's number.
        datapath_id: gauge u64,
        /// The port's number.
        port_no: gauge u32,
    }
}

structures! {
    /// `sfp` 0:10: an optical module.
    Sfp<'a> = 0:10 "sfp" {
        /// The module's number.
        module_id: gauge u32,
        /// Number of lanes in the module.
        module_num_lanes: gauge u32,
        /// Millivolts.
        module_supply_voltage: gauge u32,
        /// Thousandths of a degree Celsius.
        module_temperature: gauge i32,
        /// The lanes.
        lanes: gauge List<'a, SfpLane>,
    }

    /// `port_name` 0:1005.
    PortName<'a> = 0:1005 "port_name" {
        /// The interface's name.
        name: gauge Text<'a>,
    }
}

/// `lane` of [`Sfp`], 40 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SfpLane {
    /// 1-based number of the lane within the module; 0 unknown.
    pub index: u32,
    /// Microamperes.
    pub tx_bias_current: u32,
    /// Microwatts.
    pub tx_power: u32,
    /// Microwatts.
    pub tx_power_min: u32,
    /// Microwatts.
    pub tx_power_max: u32,
    /// Nanometres.
    pub tx_wavelength: u32,
    /// Microwatts.
    pub rx_power: u32,
    /// Microwatts.
    pub rx_power_min: u32,
    /// Microwatts.
    pub rx_power_max: u32,
    /// Nanometres.
    pub rx_wavelength: u32,
}

impl<'a> Value<'a> for SfpLane {
    const MIN_SIZE: usize = 40;
    const FIXED: bool = true;

    fn read(input: &mut Input<'a>) -> Result<Self, ErrorKind> {
        let mut next = || u32::read(input);
        Ok(Self {
            index: next()?,
            tx_bias_current: next()?,
            tx_power: next()?,
            tx_power_min: next()?,
            tx_power_max: next()?,
            tx_wavelength: next()?,
            rx_power: next()?,
            rx_power_min: next()?,
            rx_power_max: next()?,
            rx_wavelength: next()?,
        })
    }

    fn write(self, out: &mut Vec<u8>) {
        let words = [
            self.index,
            self.tx_bias_current,
            self.tx_power,
            self.tx_power_min,
            self.tx_power_max,
            self.tx_wavelength,
            self.rx_power,
            self.rx_power_min,
            self.rx_power_max,
            self.rx_wavelength,
        ];
        words.into_iter().for_each(|word| word.write(out));
    }

    fn unknown() -> Self {
        Self {
            index: 0,
            tx_bias_current: 0,
            tx_power: 0,
            tx_power_min: 0,
            tx_power_max: 0,
            tx_wavelength: 0,
            rx_power: 0,
            rx_power_min: 0,
            rx_power_max: 0,
            rx_wavelength: 0,
        }
    }
}
