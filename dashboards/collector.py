"""The health of the sidecar itself: telemetry, the Engine API, ticks, the API."""

from builder import SIDECAR, board, chart, choice, increase, rate, third, tile, value


def now():
    loss = "+".join(rate(f"swarmtide_collector_{what}_total") for what in ("kernel_drops", "datagrams_lost"))
    received = rate("swarmtide_collector_datagrams_total")
    return [
        tile("Agents", "sFlow agents heard from.", "none", value("max", "swarmtide_collector_agents")),
        tile("Data sources", "Containers, hosts and interfaces known.", "none", value("max", "swarmtide_collector_data_sources")),
        tile("Loss", "Datagrams dropped by the kernel or missing by sequence number, as a share of those received.", "percentunit",
             f"({loss}) / {received}", ((None, "green"), (0.001, "orange"), (0.01, "red")), decimals=3),
        tile("Duplicate agents", "Agents that share agent address and sub-agent with another one.", "none",
             value("max", "swarmtide_collector_duplicate_agents"), ((None, "green"), (1, "orange"))),
        tile("Receive buffer", "The smallest that the kernel granted to a socket.", "bytes", value("min", "swarmtide_collector_receive_buffer_bytes")),
        tile("Versions", "Different versions that run; more than one outside an upgrade is a mistake.", "none",
             f"count(count by (version) (swarmtide_build_info{{{SIDECAR}}}))", ((None, "green"), (2, "orange"))),
    ]


def telemetry():
    return [
        third("Datagrams", "Taken from the sockets.", "pps", [(rate("swarmtide_collector_datagrams_total", "instance"), "{{instance}}")]),
        third("Bytes", "Of those datagrams.", "Bps", [(rate("swarmtide_collector_bytes_total", "instance"), "{{instance}}")]),
        third("Samples", "By kind.", "ops", [(rate("swarmtide_collector_samples_total", "kind"), "{{kind}}")], stacked=True),
        third("Lost datagrams", "For want of receive buffer, missing by sequence number, too long, or not received for an error.", "pps",
              [(rate("swarmtide_collector_kernel_drops_total"), "kernel drops"), (rate("swarmtide_collector_datagrams_lost_total"), "lost on the way"),
               (rate("swarmtide_collector_truncated_total"), "too long"), (rate("swarmtide_collector_receive_errors_total"), "receive errors")]),
        third("Odd datagrams", "Late, twice, or from outside collector.allow.", "pps",
              [(rate("swarmtide_collector_datagrams_late_total"), "late"), (rate("swarmtide_collector_datagrams_duplicate_total"), "duplicate"),
               (rate("swarmtide_collector_sources_denied_total"), "denied")]),
        third("Decode errors", "Datagrams, samples or records that could not be decoded, by reason.", "ops",
              [(rate("swarmtide_collector_decode_errors_total", "reason"), "{{reason}}")]),
        third("Differences not used", "Counters that could not be compared with those before, by reason. Some are ordinary: containers start and end.", "ops",
              [(rate("swarmtide_collector_deltas_dropped_total", "reason"), "{{reason}}")]),
        third("Restarts and limits", "Agents that began anew; things refused because a limit was reached.", "ops",
              [(rate("swarmtide_collector_agent_restarts_total"), "restarts"), (rate("swarmtide_collector_limit_hits_total", "limit"), "limit {{limit}}")]),
        third("Series of containers", "Written to /metrics, and left out because of metrics.containers_max. Only with metrics.containers.", "none",
              [(value("max", "swarmtide_container_series", "instance"), "written by {{instance}}"),
               (value("max", "swarmtide_container_series_dropped", "instance"), "left out by {{instance}}")]),
    ]


def engine():
    return [
        third("Engine API", "Requests, and failures by kind.", "reqps",
              [(rate("swarmtide_engine_requests_total"), "requests"), (rate("swarmtide_engine_errors_total", "kind"), "{{kind}}")]),
        third("Lists of the swarm", "Complete and failed; events only make the next list come sooner.", "ops",
              [(rate("swarmtide_view_relists_total", "result"), "{{result}}"), (rate("swarmtide_view_events_total"), "events")]),
        third("Connection counts", "Age of what each balancer said of its connections, and questions to balancers that failed.", "s",
              [(value("max", "swarmtide_connections_age_seconds", "instance, balancer"), "{{instance}} balancer {{balancer}}"),
               (increase("swarmtide_connections_errors_total"), "errors")]),
        third("Age of the view", "Time since the last complete list.", "s", [(value("max", "swarmtide_view_age_seconds", "instance"), "{{instance}}")]),
    ]


def ticks():
    took = rate("swarmtide_scaler_tick_seconds_bucket", "le")
    return [
        third("Ticks", "Looks at all services, a second.", "ops", [(rate("swarmtide_scaler_ticks_total", "instance"), "{{instance}}")]),
        third("Time of a tick", "Median and 99th percentile.", "s", [(f"histogram_quantile(0.5, {took})", "median"), (f"histogram_quantile(0.99, {took})", "99th percentile")]),
        third("Memory of decisions", "Estimated, of decision records and state, and of candidates.", "bytes",
              [(value("max", "swarmtide_scaler_memory_bytes"), "decisions"), (value("max", "swarmtide_shadow_memory_bytes"), "candidates")]),
        third("Services", "With state, and not looked at because of scaler.services_max.", "none",
              [(value("max", "swarmtide_scaler_services"), "kept"), (value("max", "swarmtide_scaler_services_over_limit"), "over the limit")]),
        third("Writes in flight", "Changes of replicas under way.", "none", [(value("max", "swarmtide_scaler_writes_in_flight", "instance"), "{{instance}}")]),
        third("Events", "For the journal by result, and dropped before they were told.", "ops",
              [(rate("swarmtide_journal_events_total", "result"), "journal {{result}}"), (rate("swarmtide_events_dropped_total"), "dropped")]),
    ]


def api():
    return [
        third("HTTP", "Open connections, listeners to the backend set, and those turned away.", "none",
              [(value("sum", "swarmtide_http_connections"), "connections"), (value("sum", "swarmtide_http_streams"), "streams"),
               (increase("swarmtide_http_connections_refused_total"), "connections refused"),
               (increase("swarmtide_http_streams_refused_total"), "streams refused")]),
        third("Journal", "On disk.", "bytes", [(value("max", "swarmtide_journal_bytes", "instance"), "{{instance}}")]),
        third("Webhooks", "Events by URL and result, retries, and events that wait. Only with webhooks.urls.", "none",
              [(increase("swarmtide_webhook_events_total", "url, result"), "{{result}} {{url}}"),
               (increase("swarmtide_webhook_retries_total", "url"), "retries {{url}}"),
               (value("sum", "swarmtide_webhook_waiting", "url"), "waiting {{url}}")]),
    ]


def packets():
    return [
        third("Samples of packets", "Taken from datagrams, where agents sample packets.", "ops", [(rate("swarmtide_collector_flow_samples_total", "instance"), "{{instance}}")]),
        third("Samples not used", "Flow samples that count for no talker, by reason.", "ops", [(rate("swarmtide_collector_flow_samples_dropped_total", "reason"), "{{reason}}")]),
        third("Conversations", "Flows of the last minute that are kept, and those that made room for others because of collector.max_talkers.", "none",
              [(value("max", "swarmtide_collector_talkers", "instance"), "kept by {{instance}}"), (increase("swarmtide_collector_talkers_evicted_total"), "made room")]),
    ]


def page():
    return [
        third("Who looks on", "Listeners to the page's streams, and those turned away because of http.streams_max.", "none",
              [(value("sum", "swarmtide_page_streams", "instance"), "{{instance}}"), (increase("swarmtide_page_streams_refused_total"), "turned away")]),
        third("Rows for the page", "Bytes of rows given to its listeners.", "Bps", [(rate("swarmtide_page_stream_bytes_total", "instance"), "{{instance}}")]),
        third("Memory of charts", "Of the points kept for the page's charts; http.series_limit bounds it.", "bytes",
              [(value("max", "swarmtide_page_series_bytes", "instance"), "{{instance}}")]),
        third("Points of charts", "Kept, and given up before http.series_window was over, because of http.series_limit.", "none",
              [(value("max", "swarmtide_page_series_points", "instance"), "kept by {{instance}}"), (increase("swarmtide_page_series_evicted_total"), "given up")]),
    ]


def make():
    return board("swarmtide-collector", "Swarmtide: collector and sidecar", "Telemetry, Engine API, ticks, the API and the page of each sidecar.",
                 [choice("instance", "Sidecar", "swarmtide_leader")],
                 [("Now", now()), ("Telemetry", telemetry()), ("Packets", packets()), ("Engine API", engine()), ("Decisions", ticks()), ("API and events", api()), ("The page", page())])
