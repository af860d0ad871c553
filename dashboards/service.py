"""One service: what it has, what it is asked to carry, what was decided and why."""

from builder import SERVICE, board, choice, chart, tile

ONE = f"max by (service)"


def now():
    return [
        tile("Replicas", "Replicas in the service's spec.", "none", f"max(swarmtide_service_replicas{{{SERVICE}}})"),
        tile("Serving", "Tasks that run, shall run, and sit on a ready node.", "none", f"max(swarmtide_service_serving{{{SERVICE}}})"),
        tile("CPU of the limit", "Average per replica.", "percentunit", f"max(swarmtide_service_cpu_utilization_ratio{{{SERVICE}}})",
             ((None, "green"), (0.8, "orange"), (0.95, "red"))),
        tile("Coverage", "Containers with fresh counters among those that swarm lists.", "percentunit",
             f"max(swarmtide_service_telemetry_reporting{{{SERVICE}}} / swarmtide_service_telemetry_expected{{{SERVICE}}})",
             ((None, "red"), (0.99, "green"))),
        tile("At maximum", "1 while it wants more replicas than its maximum.", "none", f"max(swarmtide_service_at_maximum{{{SERVICE}}})",
             ((None, "green"), (1, "orange"))),
        tile("Held for", "How long the present reason to hold has lasted; the row on decisions names it.", "s",
             f"max(swarmtide_service_hold_seconds{{{SERVICE}}})"),
    ]


def replicas():
    return [
        chart("Replicas", "What swarm wants, between the bounds of the policy (dashed).", "none",
              [(f"max(swarmtide_service_replicas{{{SERVICE}}})", "replicas"),
               (f"max(swarmtide_service_replicas_min{{{SERVICE}}})", "minimum"),
               (f"max(swarmtide_service_replicas_max{{{SERVICE}}})", "maximum")], dashed=["/minimum|maximum/"]),
        chart("Tasks", "Serving, on their way, and on their way out.", "none",
              [(f"max(swarmtide_service_serving{{{SERVICE}}})", "serving"),
               (f"max(swarmtide_service_starting{{{SERVICE}}})", "starting"),
               (f"max(swarmtide_service_draining{{{SERVICE}}})", "draining")], stacked=True),
        chart("Demand, in replicas at their target", "What the target that asks for most asks for: demand without its noise, what it will be when a new replica serves, and the same time on the days before. Only with targets; the last needs two days.", "none",
              [(f"max(swarmtide_service_demand_ratio{{{SERVICE}}})", "demand"),
               (f"max(swarmtide_service_forecast_ratio{{{SERVICE}}})", "forecast"),
               (f"max(swarmtide_service_headroom_ratio{{{SERVICE}}})", "headroom"),
               (f"max(swarmtide_service_season_ratio{{{SERVICE}}})", "days before"),
               (f"max(swarmtide_service_wanted_replicas{{{SERVICE}}})", "wanted replicas"),
               (f"max(swarmtide_service_sure_replicas{{{SERVICE}}})", "of these without a forecast")], dashed=["/forecast|days before/"]),
        chart("Candidates", "Replicas that candidates beside the live policy would have (dashed), and those that there are. Only with shadow policies.", "none",
              [(f"max(swarmtide_service_replicas{{{SERVICE}}})", "live"),
               (f"max by (candidate) (swarmtide_shadow_replicas{{{SERVICE}}})", "candidate {{candidate}}")], dashed=["/candidate.*/"]),
    ]


def load():
    return [
        chart("CPU", "Used by all replicas together.", "none", [(f"max(swarmtide_service_cpu_cores{{{SERVICE}}})", "cores")], 8),
        chart("CPU of the limit", "Average per replica; what CPU marks and targets are compared with.", "percentunit",
              [(f"max(swarmtide_service_cpu_utilization_ratio{{{SERVICE}}})", "average")], 8),
        chart("Memory", "Of all replicas together, page cache included.", "bytes",
              [(f"max(swarmtide_service_memory_bytes{{{SERVICE}}})", "memory")], 8),
        chart("Traffic", "Into and out of all replicas together.", "Bps",
              [(f"max(swarmtide_service_receive_bytes_per_second{{{SERVICE}}})", "in"),
               (f"max(swarmtide_service_transmit_bytes_per_second{{{SERVICE}}})", "out")], 8),
        chart("Traffic a replica", "In and out, average per replica; what bytes marks are compared with.", "Bps",
              [(f"max(swarmtide_service_bytes_per_second{{{SERVICE}}})", "average")], 8),
        chart("Start-up", "From asking for a replica to its serving, as measured; forecasts look ahead so far.", "s",
              [(f"max(swarmtide_service_start_up_seconds{{{SERVICE}}})", "start-up")], 8),
    ]


def decisions():
    return [
        chart("Changes", "Changes of its replicas.", "none",
              [(f"sum(increase(swarmtide_service_scale_ups_total{{{SERVICE}}}[$__rate_interval]))", "up"),
               (f"sum(increase(swarmtide_service_scale_downs_total{{{SERVICE}}}[$__rate_interval]))", "down")], 8),
        chart("Held, by reason", "How long the reason has lasted; a line that climbs is a service that waits. `swarmtide why` says for what.", "s",
              [(f"max by (reason) (swarmtide_service_hold_seconds{{{SERVICE}}})", "{{reason}}")], 8),
        chart("Telemetry", "Containers that report among those expected, and the age of the oldest counters that an average rests on.", "none",
              [(f"max(swarmtide_service_telemetry_reporting{{{SERVICE}}})", "reporting"),
               (f"max(swarmtide_service_telemetry_expected{{{SERVICE}}})", "expected"),
               (f"max(swarmtide_service_telemetry_age_seconds{{{SERVICE}}})", "age in seconds")], 8, dashed=["/expected/"]),
        chart("Outliers", "Replicas that do much worse than their siblings, and those of them that get no new connections.", "none",
              [(f"max(swarmtide_service_outliers{{{SERVICE}}})", "outliers"),
               (f"max(swarmtide_service_quarantined{{{SERVICE}}})", "quarantined")], 8),
    ]


def containers():
    note = " Only with metrics.containers."
    return [
        chart("CPU by replica", "Cores used by each replica." + note, "none",
              [(f"max by (task, container) (swarmtide_container_cpu_cores{{{SERVICE}}})", "{{task}}")], 8),
        chart("Memory by replica", "Page cache included." + note, "bytes",
              [(f"max by (task, container) (swarmtide_container_memory_bytes{{{SERVICE}}})", "{{task}}")], 8),
        chart("Traffic by replica", "In and out." + note, "Bps",
              [(f"max by (task, container) (swarmtide_container_receive_bytes_per_second{{{SERVICE}}} + swarmtide_container_transmit_bytes_per_second{{{SERVICE}}})", "{{task}}")], 8),
    ]


def make():
    variables = [
        choice("instance", "Sidecar", "swarmtide_leader"),
        choice("service", "Service", "swarmtide_service_replicas", many=False),
    ]
    return board("swarmtide-service", "Swarmtide: one service", "Replicas, demand, load, decisions and replicas one by one.", variables,
                 [("Now", now()), ("Replicas", replicas()), ("Load", load()), ("Decisions", decisions()), ("Replica by replica", containers())])
