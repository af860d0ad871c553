//! The filter that the kernel runs on every packet of a tapped interface (classic BPF).

use crate::packet::Taken;

/// One instruction: operation, jumps where true and false, operand.
pub(super) type Instruction = (u16, u8, u8, u32);

const LOAD_WORD: u16 = 0x20;
const LOAD_HALF: u16 = 0x28;
const LOAD_BYTE: u16 = 0x30;
/// X is four times the low half of a byte: the length of an IPv4 header.
const LOAD_X_HEADER: u16 = 0xb1;
/// Loads half a word behind X.
const LOAD_HALF_X: u16 = 0x48;
const MODULO: u16 = 0x94;
const JUMP_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;
/// Places from which the kernel loads what is not in the packet (`SKF_AD_OFF`).
const OTHER: u32 = 0xffff_f000;
const PACKET_TYPE: u32 = OTHER + 4;
const RANDOM: u32 = OTHER + 56;
/// `PACKET_OUTGOING`
const OUTGOING: u32 = 4;

/// A step: goes on where what was loaded equals the operand (or does not), else the packet is dropped.
enum Step {
    Do(u16, u32),
    Equal(u32),
    Differ(u32),
}

/// The program. Chance comes first, so that nearly all packets cost three instructions.
pub(super) fn program(rate: u32, taken: Taken, bytes: usize) -> Vec<Instruction> {
    let mut steps = vec![
        Step::Do(LOAD_WORD, RANDOM),
        Step::Do(MODULO, rate.max(1)),
        Step::Equal(0),
        Step::Do(LOAD_WORD, PACKET_TYPE),
    ];
    match taken {
        Taken::Outgoing => steps.push(Step::Equal(OUTGOING)),
        Taken::Incoming => steps.push(Step::Differ(OUTGOING)),
        Taken::Overlay => steps.extend([
            Step::Differ(OUTGOING),
            Step::Do(LOAD_HALF, 12),
            Step::Equal(0x0800),
            Step::Do(LOAD_BYTE, 23),
            Step::Equal(17),
            Step::Do(LOAD_X_HEADER, 14),
            Step::Do(LOAD_HALF_X, 16),
            Step::Equal(u32::from(sflow::VXLAN_PORT)),
        ]),
    }
    let count = steps.len();
    let mut program: Vec<Instruction> = steps
        .into_iter()
        .enumerate()
        .map(|(at, step)| {
            // Behind the steps stand "take" and "drop".
            let to_drop = u8::try_from(count - at).unwrap_or(u8::MAX);
            match step {
                Step::Do(operation, operand) => (operation, 0, 0, operand),
                Step::Equal(operand) => (JUMP_EQUAL, 0, to_drop, operand),
                Step::Differ(operand) => (JUMP_EQUAL, to_drop, 0, operand),
            }
        })
        .collect();
    program.push((RETURN, 0, 0, u32::try_from(bytes).unwrap_or(u32::MAX)));
    program.push((RETURN, 0, 0, 0));
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel would do: bytes taken of a packet.
    fn run(program: &[Instruction], packet: &[u8], random: u32, outgoing: bool) -> u32 {
        let (mut a, mut x, mut at) = (0, 0, 0);
        let byte = |at: u32| packet.get(at as usize).copied().map(u32::from);
        let half = |at: u32| Some(byte(at)? << 8 | byte(at + 1)?);
        loop {
            let (operation, yes, no, k) = program[at];
            at += 1;
            let loaded = match (operation, k) {
                (LOAD_WORD, RANDOM) => Some(random),
                (LOAD_WORD, PACKET_TYPE) => Some(if outgoing { OUTGOING } else { 0 }),
                (LOAD_HALF, k) => half(k),
                (LOAD_BYTE, k) => byte(k),
                (LOAD_HALF_X, k) => half(x + k),
                (MODULO, k) => Some(a % k),
                (LOAD_X_HEADER, k) => {
                    x = (byte(k).unwrap() & 0xf) * 4;
                    Some(a)
                }
                (JUMP_EQUAL, k) => {
                    at += usize::from(if a == k { yes } else { no });
                    Some(a)
                }
                (RETURN, k) => return k,
                other => panic!("{other:?}"),
            };
            let Some(loaded) = loaded else { return 0 };
            a = loaded;
        }
    }

    fn udp(port: u16, options: u8) -> Vec<u8> {
        let mut packet = vec![0; 14 + 20 + usize::from(options) * 4 + 8];
        packet[12..14].copy_from_slice(&[8, 0]);
        packet[14] = 0x45 + options;
        packet[23] = 17;
        let at = 14 + 20 + usize::from(options) * 4 + 2;
        packet[at..at + 2].copy_from_slice(&port.to_be_bytes());
        packet
    }

    #[test]
    fn chance_direction_and_overlays() {
        for (taken, outgoing, port, expected) in [
            (Taken::Incoming, false, 80, true),
            (Taken::Incoming, true, 80, false),
            (Taken::Outgoing, true, 80, true),
            (Taken::Outgoing, false, 80, false),
            (Taken::Overlay, false, 4789, true),
            (Taken::Overlay, false, 80, false),
            (Taken::Overlay, true, 4789, false),
        ] {
            let program = program(10, taken, 128);
            for options in [0, 3] {
                let packet = udp(port, options);
                let found = run(&program, &packet, 70, outgoing);
                let expected = if expected { 128 } else { 0 };
                assert_eq!(found, expected, "{taken:?} {outgoing} {port}");
                assert_eq!(run(&program, &packet, 71, outgoing), 0, "by chance");
            }
        }
        let every = program(1, Taken::Incoming, 128);
        assert_eq!(run(&every, &[0; 14], 71, false), 128);
        assert_eq!(run(&program(1, Taken::Overlay, 128), &[0; 5], 0, false), 0);
    }
}
