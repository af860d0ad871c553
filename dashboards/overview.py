"""All services of a swarm at a glance."""

from builder import SERVICE, SIDECAR, board, choice, chart, rows, tile

UNSURE = 'reason!~"within_band|at_minimum|at_maximum|would_overshoot|cooldown|disabled|not_leader|settling|warm_up|stabilising"'


def glance():
    red_below_one = ((None, "red"), (1, "green"), (2, "red"))
    return [
        tile("Leaders", "Sidecars that run on the swarm's leader and may act. There should be exactly one.", "none",
             f"sum(swarmtide_leader{{{SIDECAR}}})", red_below_one, 3),
        tile("Services", "Services that opted in with swarmtide.enable.", "none",
             f"count(max by (service) (swarmtide_service_replicas{{{SERVICE}}}))", width=3),
        tile("Replicas", "Replicas of all these services, as swarm wants them.", "none",
             f"sum(max by (service) (swarmtide_service_replicas{{{SERVICE}}}))", width=3),
        tile("Telemetry coverage", "Containers with fresh counters among those that swarm lists.", "percentunit",
             f"sum(swarmtide_service_telemetry_reporting{{{SERVICE}}}) / sum(swarmtide_service_telemetry_expected{{{SERVICE}}})",
             ((None, "red"), (0.99, "green")), 3),
        tile("Held for want of certainty", "Services held for more than a minute because something is unsure; their dashboards say what.", "none",
             f"count(max by (service) (swarmtide_service_hold_seconds{{{SERVICE},{UNSURE}}}) > 60) or vector(0)",
             ((None, "green"), (1, "orange")), 3),
        tile("At maximum", "Services that want more replicas than their maximum.", "none",
             f"sum(max by (service) (swarmtide_service_at_maximum{{{SERVICE}}}))", ((None, "green"), (1, "orange")), 3),
        tile("Nodes needed", "Nodes like the largest that would hold what services want beyond the capacity.", "none",
             f"max(swarmtide_nodes_needed{{{SIDECAR}}})", ((None, "green"), (1, "orange")), 3),
        tile("Age of the view", "Time since the last complete list of services, tasks and nodes.", "s",
             f"max(swarmtide_view_age_seconds{{{SIDECAR}}})", ((None, "green"), (10, "orange"), (30, "red")), 3),
    ]


def services():
    by = "max by (service)"
    columns = [
        ("Replicas", "none", f"{by} (swarmtide_service_replicas{{{SERVICE}}})"),
        ("Serving", "none", f"{by} (swarmtide_service_serving{{{SERVICE}}})"),
        ("Minimum", "none", f"{by} (swarmtide_service_replicas_min{{{SERVICE}}})"),
        ("Maximum", "none", f"{by} (swarmtide_service_replicas_max{{{SERVICE}}})"),
        ("CPU of limit", "percentunit", f"{by} (swarmtide_service_cpu_utilization_ratio{{{SERVICE}}})"),
        ("Traffic a replica", "Bps", f"{by} (swarmtide_service_bytes_per_second{{{SERVICE}}})"),
        ("Reporting", "none", f"{by} (swarmtide_service_telemetry_reporting{{{SERVICE}}})"),
        ("Held for", "s", f"{by} (swarmtide_service_hold_seconds{{{SERVICE}}})"),
    ]
    return [
        rows("Services", "One row a service; its name leads to its own dashboard.", columns, "service",
             "/d/swarmtide-service?var-service=${__value.text}&${datasource:queryparam}"),
        chart("Replicas", "Replicas that swarm wants.", "none",
              [(f"{by} (swarmtide_service_replicas{{{SERVICE}}})", "{{service}}")]),
        chart("CPU of the limit", "Average per replica; what CPU marks and targets are compared with.", "percentunit",
              [(f"{by} (swarmtide_service_cpu_utilization_ratio{{{SERVICE}}})", "{{service}}")]),
        chart("Traffic a replica", "Bytes in and out, average per replica; what bytes marks are compared with.", "Bps",
              [(f"{by} (swarmtide_service_bytes_per_second{{{SERVICE}}})", "{{service}}")]),
        chart("Memory", "Of all replicas together, page cache included.", "bytes",
              [(f"{by} (swarmtide_service_memory_bytes{{{SERVICE}}})", "{{service}}")], stacked=True),
    ]


def decisions():
    return [
        chart("Changes", "Changes of replicas that the engine took.", "none",
              [(f"sum by (direction) (increase(swarmtide_scaler_changes_total{{{SIDECAR}}}[$__rate_interval]))", "{{direction}}")], 8),
        chart("Holds by reason", "Decisions not to act, a second. Within the band, at the minimum and settling are ordinary life.", "ops",
              [(f"sum by (reason) (rate(swarmtide_scaler_holds_total{{{SIDECAR}}}[$__rate_interval])) > 0", "{{reason}}")], 8, stacked=True),
        chart("Writes by outcome", "Anything but applied, and now and then a conflict, is worth a look.", "ops",
              [(f"sum by (outcome) (rate(swarmtide_scaler_writes_total{{{SIDECAR}}}[$__rate_interval]))", "{{outcome}}")], 8),
        chart("Nodes", "Nodes of the swarm by state. Nothing scales while one is unknown.", "none",
              [(f"max by (state) (swarmtide_nodes{{{SIDECAR}}})", "{{state}}")], 8, stacked=True),
        chart("State of scaling", "1 for the state that holds for all services.", "none",
              [(f"max by (state) (swarmtide_scaler_state{{{SIDECAR}}})", "{{state}}")], 8),
        chart("Node pool", "1 for what the pool of nodes should do: stay, grow, or shrink by its largest node.", "none",
              [(f"max by (state) (swarmtide_node_pool{{{SIDECAR}}})", "{{state}}")], 8),
    ]


def make():
    variables = [
        choice("instance", "Sidecar", "swarmtide_leader"),
        choice("service", "Service", "swarmtide_service_replicas"),
    ]
    return board("swarmtide-overview", "Swarmtide", "Services, replicas, load and decisions of one swarm.", variables,
                 [("At a glance", glance()), ("Services", services()), ("Decisions", decisions())])
