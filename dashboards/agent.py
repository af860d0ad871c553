"""The agents of the nodes: what they poll, sample and send, and what that costs."""

from builder import board, choice, rate, third, tile, value


def now():
    return [
        tile("Agents", "Agents that Prometheus reaches.", "none", value("count", "swarmtide_agent_containers"), width=6),
        tile("Containers", "Containers that are polled, over all agents.", "none", value("sum", "swarmtide_agent_containers"), width=6),
        tile("Sampled interfaces", "Interfaces whose packets are sampled; 0 where sampling is off or not permitted.", "none",
             value("sum", "swarmtide_agent_sampled_interfaces"), width=6),
        tile("Containers left out", "Containers not polled because of agent.max_containers.", "none",
             value("sum", "swarmtide_agent_containers_refused_total"), ((None, "green"), (1, "orange")), width=6),
    ]


def work():
    return [
        third("Samples", "By kind.", "ops", [(rate("swarmtide_agent_samples_total", "kind"), "{{kind}}")]),
        third("Bytes sent", "To all collectors.", "Bps", [(rate("swarmtide_agent_bytes_total", "instance"), "{{instance}}")]),
        third("Time spent", "Share of one core that each agent takes for reading and sending.", "percentunit",
              [(rate("swarmtide_agent_busy_seconds_total", "instance"), "{{instance}}")]),
    ]


def faults():
    return [
        third("Polls missed, counters begun anew", "A poll is missed when its time has passed.", "ops",
              [(rate("swarmtide_agent_polls_missed_total"), "missed"), (rate("swarmtide_agent_resets_total"), "begun anew")]),
        third("Errors", "Requests to the engine that failed, questions to agent.sidecars that failed by reason, datagrams not sent, interfaces not sampled.", "ops",
              [(rate("swarmtide_agent_engine_errors_total"), "engine"), (rate("swarmtide_agent_sidecar_errors_total", "reason"), "sidecars: {{reason}}"),
               (rate("swarmtide_agent_send_errors_total"), "send"), (rate("swarmtide_agent_sampling_errors_total"), "sampling")]),
        third("Packet samples lost, and seen elsewhere", "Lost: chosen by the kernel without room for them; the estimates are too low by as much.", "ops",
              [(rate("swarmtide_agent_samples_lost_total"), "lost"), (rate("swarmtide_agent_sample_duplicates_total"), "seen elsewhere")]),
    ]


def make():
    return board("swarmtide-agent", "Swarmtide: agents", "The sFlow agents of the nodes: what they poll, sample and send, and what that costs.",
                 [choice("instance", "Agent", "swarmtide_agent_containers")],
                 [("Now", now()), ("Work", work()), ("What goes wrong", faults())])
