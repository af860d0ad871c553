"""The balancer: virtual services, their destinations, what it did to the kernel and who else did."""

from builder import SERVICE, SIDECAR, board, choice, chart, tile


def now():
    return [
        tile("Virtual services", "In the table.", "none", f"sum(swarmtide_lb_virtual_services{{{SIDECAR}}})", width=3),
        tile("Destinations that serve", "With a weight above 0.", "none", f'sum(swarmtide_lb_destinations{{{SIDECAR},state="serving"}})', width=3),
        tile("Draining", "Destinations that keep their connections and get no new ones.", "none", f'sum(swarmtide_lb_destinations{{{SIDECAR},state="draining"}})', width=3),
        tile("Failing", "Destinations whose probe fails.", "none", f'sum(swarmtide_lb_destinations{{{SIDECAR},state="failing"}})', ((None, "green"), (1, "orange")), 3),
        tile("VIPs withdrawn", "For want of healthy destinations.", "none", f'sum(swarmtide_lb_vips{{{SIDECAR},state="withdrawn"}})', ((None, "green"), (1, "red")), 3),
        tile("Below the floor", "Virtual services with fewer healthy destinations than their floor asks for.", "none", f"sum(swarmtide_lb_below_floor{{{SERVICE}}})", ((None, "green"), (1, "red")), 3),
        tile("Changes pending", "What the data plane lacked when last listed.", "none", f"sum(swarmtide_lb_changes_pending{{{SIDECAR}}})", ((None, "green"), (1, "orange")), 3),
        tile("Problems", "Reasons that keep services or tasks from being balanced.", "none", f"sum(swarmtide_lb_problems{{{SIDECAR}}})", ((None, "green"), (1, "orange")), 3),
    ]


def destinations():
    return [
        chart("Destinations by state", "Joining ones are not yet in; the weight of warming ones rises.", "none",
              [(f"sum by (state) (swarmtide_lb_destinations{{{SIDECAR}}})", "{{state}}")], 8, stacked=True),
        chart("Healthy destinations", "By virtual service.", "none",
              [(f"max by (service, virtual_service) (swarmtide_lb_healthy_destinations{{{SERVICE}}})", "{{service}} {{virtual_service}}")], 8),
        chart("In sync", "1 where a virtual service and its destinations were as desired when last listed.", "none",
              [(f"min by (instance, service, virtual_service) (swarmtide_lb_in_sync{{{SERVICE}}})", "{{instance}} {{service}} {{virtual_service}}")], 8, top=1),
        chart("Weights", "By destination; 0 takes no new connections.", "none",
              [(f"max by (destination, node) (swarmtide_lb_destination_weight{{{SERVICE}}})", "{{destination}} on {{node}}")], 8),
        chart("Active connections", "Established, by destination.", "none",
              [(f"sum by (destination, node) (swarmtide_lb_destination_active_connections{{{SERVICE}}})", "{{destination}} on {{node}}")], 8, stacked=True),
        chart("Draining destinations", "1 while a destination keeps its connections and gets no new ones.", "none",
              [(f"max by (destination, node) (swarmtide_lb_destination_draining{{{SERVICE}}})", "{{destination}} on {{node}}")], 8),
    ]


def traffic():
    return [
        chart("New connections", "Scheduled, by virtual service.", "ops",
              [(f"sum by (service, virtual_service) (rate(swarmtide_lb_connections_total{{{SERVICE}}}[$__rate_interval]))", "{{service}} {{virtual_service}}")], 8),
        chart("New connections by destination", "An even spread is what most schedulers aim at.", "ops",
              [(f"sum by (destination, node) (rate(swarmtide_lb_destination_connections_total{{{SERVICE}}}[$__rate_interval]))", "{{destination}} on {{node}}")], 8),
        chart("Bytes", "From clients, and to clients where answers pass the balancer.", "Bps",
              [(f"sum(rate(swarmtide_lb_bytes_in_total{{{SERVICE}}}[$__rate_interval]))", "in"),
               (f"sum(rate(swarmtide_lb_bytes_out_total{{{SERVICE}}}[$__rate_interval]))", "out")], 8),
        chart("Packets", "From clients, and to clients where answers pass the balancer.", "pps",
              [(f"sum(rate(swarmtide_lb_packets_in_total{{{SERVICE}}}[$__rate_interval]))", "in"),
               (f"sum(rate(swarmtide_lb_packets_out_total{{{SERVICE}}}[$__rate_interval]))", "out")], 8),
        chart("Bytes in by destination", "From clients.", "Bps",
              [(f"sum by (destination, node) (rate(swarmtide_lb_destination_bytes_in_total{{{SERVICE}}}[$__rate_interval]))", "{{destination}} on {{node}}")], 8),
        chart("Inactive connections", "In any state but established, by destination.", "none",
              [(f"sum by (destination, node) (swarmtide_lb_destination_inactive_connections{{{SERVICE}}})", "{{destination}} on {{node}}")], 8),
    ]


def work():
    late = f"sum by (le) (rate(swarmtide_lb_change_seconds_bucket{{{SIDECAR}}}[$__rate_interval]))"
    return [
        chart("From the swarm's change to the data plane", "From the beginning of the list that showed it. Median and 99th percentile.", "s",
              [(f"histogram_quantile(0.5, {late})", "median"), (f"histogram_quantile(0.99, {late})", "99th percentile")], 8),
        chart("Changes", "Applied, refused by the data plane, and put right after somebody else.", "ops",
              [(f"sum(rate(swarmtide_lb_changes_total{{{SIDECAR}}}[$__rate_interval]))", "applied"),
               (f"sum(rate(swarmtide_lb_errors_total{{{SIDECAR}}}[$__rate_interval]))", "refused"),
               (f"sum(rate(swarmtide_lb_drift_repaired_total{{{SIDECAR}}}[$__rate_interval]))", "drift put right"),
               (f"sum(rate(swarmtide_lb_list_errors_total{{{SIDECAR}}}[$__rate_interval]))", "could not list")], 8),
        chart("Passes", "Comparisons of the table with the data plane.", "ops",
              [(f"sum by (instance) (rate(swarmtide_lb_passes_total{{{SIDECAR}}}[$__rate_interval]))", "{{instance}}")], 8),
        chart("Probes", "Begun, and those that failed or never ended.", "ops",
              [(f"sum(rate(swarmtide_lb_probes_total{{{SIDECAR}}}[$__rate_interval]))", "begun"),
               (f"sum(rate(swarmtide_lb_probes_failed_total{{{SIDECAR}}}[$__rate_interval]))", "failed")], 8),
        chart("VIPs", "What should be done with them, and what could not be done.", "none",
              [(f"sum by (state) (swarmtide_lb_vips{{{SIDECAR}}})", "{{state}}"),
               (f"sum(increase(swarmtide_lb_vip_errors_total{{{SIDECAR}}}[$__rate_interval]))", "errors")], 8),
        chart("Backend set", "1 for its state. The table stays as it is while it is partial or away.", "none",
              [(f"sum by (state) (swarmtide_lb_source{{{SIDECAR}}})", "{{state}}")], 8),
        chart("Sources", "Time since each sidecar gave a sign of life. Only with lbsync.sources.", "s",
              [(f"max by (source) (swarmtide_lb_source_age_seconds{{{SIDECAR}}})", "{{source}}")], 8),
        chart("Not ours", "Entries of the data plane that are left alone.", "none",
              [(f"sum(swarmtide_lb_foreign_entries{{{SIDECAR}}})", "entries")], 8),
        chart("Without series", "Destinations beyond lbsync.destination_series_max.", "none",
              [(f"sum(swarmtide_lb_destinations_without_series{{{SIDECAR}}})", "destinations")], 8),
    ]


def make():
    variables = [
        choice("instance", "Balancer", "swarmtide_lb_virtual_services"),
        choice("service", "Service", "swarmtide_lb_healthy_destinations"),
    ]
    return board("swarmtide-balancer", "Swarmtide: balancer", "Virtual services, destinations, traffic, and what was done to the kernel's table.", variables,
                 [("Now", now()), ("Destinations", destinations()), ("Traffic", traffic()), ("Work", work())])
