"""The health of the sidecar itself: telemetry, the Engine API, ticks, the API."""

from builder import SIDECAR, board, choice, chart, tile


def rate(metric, by=None, labels=""):
    one = f"rate({metric}{{{SIDECAR}{labels}}}[$__rate_interval])"
    return f"sum by ({by}) ({one})" if by else f"sum({one})"


def now():
    loss = "+".join(f"sum(rate(swarmtide_collector_{what}_total{{{SIDECAR}}}[$__rate_interval]))" for what in ("kernel_drops", "datagrams_lost"))
    received = f"sum(rate(swarmtide_collector_datagrams_total{{{SIDECAR}}}[$__rate_interval]))"
    return [
        tile("Agents", "sFlow agents heard from.", "none", f"max(swarmtide_collector_agents{{{SIDECAR}}})"),
        tile("Data sources", "Containers, hosts and interfaces known.", "none", f"max(swarmtide_collector_data_sources{{{SIDECAR}}})"),
        tile("Loss", "Datagrams dropped by the kernel or missing by sequence number, as a share of those received.", "percentunit",
             f"({loss}) / {received}", ((None, "green"), (0.001, "orange"), (0.01, "red")), decimals=3),
        tile("Duplicate agents", "Agents that share agent address and sub-agent with another one.", "none",
             f"max(swarmtide_collector_duplicate_agents{{{SIDECAR}}})", ((None, "green"), (1, "orange"))),
        tile("Receive buffer", "The smallest that the kernel granted to a socket.", "bytes", f"min(swarmtide_collector_receive_buffer_bytes{{{SIDECAR}}})"),
        tile("Versions", "Different versions that run; more than one outside an upgrade is a mistake.", "none",
             f"count(count by (version) (swarmtide_build_info{{{SIDECAR}}}))", ((None, "green"), (2, "orange"))),
    ]


def telemetry():
    return [
        chart("Datagrams", "Taken from the sockets.", "pps", [(rate("swarmtide_collector_datagrams_total", "instance"), "{{instance}}")], 8),
        chart("Bytes", "Of those datagrams.", "Bps", [(rate("swarmtide_collector_bytes_total", "instance"), "{{instance}}")], 8),
        chart("Samples", "By kind.", "ops", [(rate("swarmtide_collector_samples_total", "kind"), "{{kind}}")], 8, stacked=True),
        chart("Lost datagrams", "For want of receive buffer, missing by sequence number, too long, or not received for an error.", "pps",
              [(rate("swarmtide_collector_kernel_drops_total"), "kernel drops"), (rate("swarmtide_collector_datagrams_lost_total"), "lost on the way"),
               (rate("swarmtide_collector_truncated_total"), "too long"), (rate("swarmtide_collector_receive_errors_total"), "receive errors")], 8),
        chart("Odd datagrams", "Late, twice, or from outside collector.allow.", "pps",
              [(rate("swarmtide_collector_datagrams_late_total"), "late"), (rate("swarmtide_collector_datagrams_duplicate_total"), "duplicate"),
               (rate("swarmtide_collector_sources_denied_total"), "denied")], 8),
        chart("Decode errors", "Datagrams, samples or records that could not be decoded, by reason.", "ops",
              [(rate("swarmtide_collector_decode_errors_total", "reason"), "{{reason}}")], 8),
        chart("Differences not used", "Counters that could not be compared with those before, by reason. Some are ordinary: containers start and end.", "ops",
              [(rate("swarmtide_collector_deltas_dropped_total", "reason"), "{{reason}}")], 8),
        chart("Restarts and limits", "Agents that began anew; things refused because a limit was reached.", "ops",
              [(rate("swarmtide_collector_agent_restarts_total"), "restarts"), (rate("swarmtide_collector_limit_hits_total", "limit"), "limit {{limit}}")], 8),
        chart("Series of containers", "Written to /metrics, and left out because of metrics.containers_max. Only with metrics.containers.", "none",
              [(f"max by (instance) (swarmtide_container_series{{{SIDECAR}}})", "written by {{instance}}"),
               (f"max by (instance) (swarmtide_container_series_dropped{{{SIDECAR}}})", "left out by {{instance}}")], 8),
    ]


def engine():
    return [
        chart("Engine API", "Requests, and failures by kind.", "reqps",
              [(rate("swarmtide_engine_requests_total"), "requests"), (rate("swarmtide_engine_errors_total", "kind"), "{{kind}}")], 8),
        chart("Lists of the swarm", "Complete and failed; events only make the next list come sooner.", "ops",
              [(rate("swarmtide_view_relists_total", "result"), "{{result}}"), (rate("swarmtide_view_events_total"), "events")], 8),
        chart("Connection counts", "Age of what each balancer said of its connections, and questions to balancers that failed.", "s",
              [(f"max by (instance, balancer) (swarmtide_connections_age_seconds{{{SIDECAR}}})", "{{instance}} balancer {{balancer}}"),
               (f"sum(increase(swarmtide_connections_errors_total{{{SIDECAR}}}[$__rate_interval]))", "errors")], 8),
        chart("Age of the view", "Time since the last complete list.", "s", [(f"max by (instance) (swarmtide_view_age_seconds{{{SIDECAR}}})", "{{instance}}")], 8),
    ]


def ticks():
    took = rate("swarmtide_scaler_tick_seconds_bucket", "le")
    return [
        chart("Ticks", "Looks at all services, a second.", "ops", [(rate("swarmtide_scaler_ticks_total", "instance"), "{{instance}}")], 8),
        chart("Time of a tick", "Median and 99th percentile.", "s", [(f"histogram_quantile(0.5, {took})", "median"), (f"histogram_quantile(0.99, {took})", "99th percentile")], 8),
        chart("Memory of decisions", "Estimated, of decision records and state, and of candidates.", "bytes",
              [(f"max(swarmtide_scaler_memory_bytes{{{SIDECAR}}})", "decisions"), (f"max(swarmtide_shadow_memory_bytes{{{SIDECAR}}})", "candidates")], 8),
        chart("Services", "With state, and not looked at because of scaler.services_max.", "none",
              [(f"max(swarmtide_scaler_services{{{SIDECAR}}})", "kept"), (f"max(swarmtide_scaler_services_over_limit{{{SIDECAR}}})", "over the limit")], 8),
        chart("Writes in flight", "Changes of replicas under way.", "none", [(f"max by (instance) (swarmtide_scaler_writes_in_flight{{{SIDECAR}}})", "{{instance}}")], 8),
        chart("Events", "For the journal by result, and dropped before they were told.", "ops",
              [(rate("swarmtide_journal_events_total", "result"), "journal {{result}}"), (rate("swarmtide_events_dropped_total"), "dropped")], 8),
    ]


def api():
    return [
        chart("HTTP", "Open connections, listeners to the backend set, and those turned away.", "none",
              [(f"sum(swarmtide_http_connections{{{SIDECAR}}})", "connections"), (f"sum(swarmtide_http_streams{{{SIDECAR}}})", "streams"),
               (f"sum(increase(swarmtide_http_connections_refused_total{{{SIDECAR}}}[$__rate_interval]))", "connections refused"),
               (f"sum(increase(swarmtide_http_streams_refused_total{{{SIDECAR}}}[$__rate_interval]))", "streams refused")], 8),
        chart("Journal", "On disk.", "bytes", [(f"max by (instance) (swarmtide_journal_bytes{{{SIDECAR}}})", "{{instance}}")], 8),
        chart("Webhooks", "Events by URL and result, retries, and events that wait. Only with webhooks.urls.", "none",
              [(f"sum by (url, result) (increase(swarmtide_webhook_events_total{{{SIDECAR}}}[$__rate_interval]))", "{{result}} {{url}}"),
               (f"sum by (url) (increase(swarmtide_webhook_retries_total{{{SIDECAR}}}[$__rate_interval]))", "retries {{url}}"),
               (f"sum by (url) (swarmtide_webhook_waiting{{{SIDECAR}}})", "waiting {{url}}")], 8),
    ]


def make():
    return board("swarmtide-collector", "Swarmtide: collector and sidecar", "Telemetry, Engine API, ticks and the API of each sidecar.",
                 [choice("instance", "Sidecar", "swarmtide_leader")],
                 [("Now", now()), ("Telemetry", telemetry()), ("Engine API", engine()), ("Decisions", ticks()), ("API and events", api())])
