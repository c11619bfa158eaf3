//! One row per cell, or per sender of a cell, for spreadsheets and data frames.

use serde_json::Value;

use super::model::ResultFile;
use crate::link::{PROPERTIES, Property};

/// The cells of a result as CSV (RFC 4180, line ends included): every column in every file, empty
/// where a cell has no value. Times are in nanoseconds, as in the result file.
pub fn to_csv(file: &ResultFile) -> String {
    let columns: Vec<(String, String)> = COLUMNS.iter().flat_map(expanded).collect();
    let mut text = line(columns.iter().map(|(name, _)| name.clone()));
    for cell in &file.cells {
        let mut cell = serde_json::to_value(cell).unwrap_or_default();
        let senders = cell.pointer("/share/senders").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut push = |cell: &Value| {
            text.push_str(&line(columns.iter().map(|(_, pointer)| field(cell.pointer(pointer)))));
        };
        if senders.is_empty() {
            push(&cell);
        }
        for sender in senders {
            cell["sender"] = sender;
            push(&cell);
        }
    }
    text
}

/// The columns that a row of [`COLUMNS`] stands for: their names, and JSON pointers to their values.
fn expanded((name, path): &(&str, &str)) -> Vec<(String, String)> {
    let Some((before, after)) = name.split_once("{}") else {
        return vec![((*name).to_owned(), format!("/{path}"))];
    };
    let is_link = path.starts_with("link/") || path.starts_with("migration/after/");
    let figures: Vec<&str> = match is_link {
        true => PROPERTIES.iter().flat_map(Property::columns).map(|column| column.name).collect(),
        false => SUMMARY.to_vec(),
    };
    let column = |figure| match figure {
        // A number has no unit.
        "n" => (format!("{before}n"), format!("/{path}/n")),
        figure => (format!("{before}{figure}{after}"), format!("/{path}/{figure}")),
    };
    figures.into_iter().map(column).collect()
}

fn field(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        // A whole ratio is written without a decimal point.
        Some(Value::Number(number)) => match (number.as_u64(), number.as_f64()) {
            (None, Some(ratio)) => ratio.to_string(),
            _ => number.to_string(),
        },
        Some(Value::Array(items)) => items.iter().map(|item| field(Some(item))).collect::<Vec<_>>().join(" "),
        Some(other) => other.to_string(),
    }
}

fn line(fields: impl Iterator<Item = String>) -> String {
    let fields: Vec<String> = fields.map(|field| quote(&field)).collect();
    fields.join(",") + "\r\n"
}

/// Quotes what would otherwise break the row.
fn quote(field: &str) -> String {
    if field.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

/// The figures of a summary.
const SUMMARY: [&str; 9] = ["n", "min", "mean", "stddev", "p50", "p90", "p99", "p999", "max"];

/// The names of the columns, and where their values stand in a cell of the result file. `{}` stands for every figure of
/// a summary, or for every property of a link.
const COLUMNS: &[(&str, &str)] = &[
    ("transport", "transport"),
    ("path", "path"),
    ("server", "server"),
    ("server_address", "server_address"),
    ("congestion", "congestion"),
    ("packet_threshold", "loss_detection/packet_threshold"),
    ("time_threshold", "loss_detection/time_threshold"),
    ("seeds", "seeds"),
    ("link_to_server_{}", "link/to_server"),
    ("link_to_client_{}", "link/to_client"),
    ("application", "workload/application"),
    ("playout_ns", "workload/playout_ns"),
    ("drop_late", "workload/drop_late"),
    ("flows", "workload/flows"),
    ("interval_ns", "workload/interval_ns"),
    ("length_bytes", "workload/length_bytes"),
    ("reply_length_bytes", "workload/reply_length_bytes"),
    ("duration_ns", "workload/duration_ns"),
    ("deadline_ns", "workload/deadline_ns"),
    ("scheduled", "messages/scheduled"),
    ("sent", "messages/sent"),
    ("delivered", "messages/delivered"),
    ("on_time", "messages/on_time"),
    ("lost", "messages/lost"),
    ("unfinished", "messages/unfinished"),
    ("duplicated", "messages/duplicated"),
    ("reordered", "messages/reordered"),
    ("corrupted", "messages/corrupted"),
    ("unknown", "messages/unknown"),
    ("rejected", "messages/rejected"),
    ("loss_ratio", "loss_ratio"),
    ("on_time_ratio", "on_time_ratio"),
    ("connect_{}_ns", "connect_ns"),
    ("latency_{}_ns", "latency_ns"),
    ("latency_mean_ci95_low_ns", "latency_ns/ci95/mean/0"),
    ("latency_mean_ci95_high_ns", "latency_ns/ci95/mean/1"),
    ("latency_p50_ci95_low_ns", "latency_ns/ci95/p50/0"),
    ("latency_p50_ci95_high_ns", "latency_ns/ci95/p50/1"),
    ("latency_p99_ci95_low_ns", "latency_ns/ci95/p99/0"),
    ("latency_p99_ci95_high_ns", "latency_ns/ci95/p99/1"),
    ("send_delay_{}_ns", "send_delay_ns"),
    ("budget_send_wait_ns", "budget_ns/send_wait"),
    ("budget_path_ns", "budget_ns/path"),
    ("budget_queue_ns", "budget_ns/queue"),
    ("budget_recovery_ns", "budget_ns/recovery"),
    ("budget_order_wait_ns", "budget_ns/order_wait"),
    ("budget_host_ns", "budget_ns/host"),
    ("delayed", "delayed/n"),
    ("delayed_ratio", "delayed/ratio"),
    ("delayed_extra_{}_ns", "delayed/extra_ns"),
    ("extra_mean_ns", "delayed/extra_mean_ns"),
    ("blocked", "hol/blocked"),
    ("blocked_ratio", "hol/blocked_ratio"),
    ("blocked_by_other_flow_ratio", "hol/by_other_flow_ratio"),
    ("order_wait_{}_ns", "hol/wait_ns"),
    ("order_wait_total_ns", "hol/total_wait_ns"),
    ("blocked_by_loss", "hol/by_cause/loss"),
    ("blocked_by_reorder", "hol/by_cause/reorder"),
    ("blocked_by_sender", "hol/by_cause/sender"),
    ("longest_stall_ns", "hol/longest_stall/duration_ns"),
    ("longest_stall_messages", "hol/longest_stall/messages"),
    ("to_server_blocked", "hol/to_server/blocked"),
    ("to_server_order_wait_mean_ns", "hol/to_server/wait_ns/mean"),
    ("to_client_blocked", "hol/to_client/blocked"),
    ("to_client_order_wait_mean_ns", "hol/to_client/wait_ns/mean"),
    ("theory_delayed_ratio", "theory/delayed_ratio"),
    ("theory_blocked_ratio", "theory/blocked_ratio"),
    ("theory_extra_mean_ns", "theory/extra_mean_ns"),
    ("wire_to_server_packets", "wire/to_server/packets"),
    ("wire_to_server_bytes", "wire/to_server/bytes"),
    ("wire_to_server_lost", "wire/to_server/lost"),
    ("wire_to_server_queue_dropped", "wire/to_server/queue_dropped"),
    ("wire_to_server_duplicated", "wire/to_server/duplicated"),
    ("wire_to_server_reordered", "wire/to_server/reordered"),
    ("wire_to_server_corrupted", "wire/to_server/corrupted"),
    ("wire_to_server_replayed", "wire/to_server/replayed"),
    ("wire_to_server_injected", "wire/to_server/injected"),
    ("wire_to_client_packets", "wire/to_client/packets"),
    ("wire_to_client_bytes", "wire/to_client/bytes"),
    ("wire_to_client_lost", "wire/to_client/lost"),
    ("wire_to_client_queue_dropped", "wire/to_client/queue_dropped"),
    ("wire_to_client_duplicated", "wire/to_client/duplicated"),
    ("wire_to_client_reordered", "wire/to_client/reordered"),
    ("wire_to_client_corrupted", "wire/to_client/corrupted"),
    ("wire_to_client_replayed", "wire/to_client/replayed"),
    ("wire_to_client_injected", "wire/to_client/injected"),
    ("overhead_ratio", "wire/overhead_ratio"),
    ("queue_to_server_delay_{}_ns", "queue/to_server/delay_ns"),
    ("queue_to_server_marked", "queue/to_server/marked"),
    ("queue_to_server_dropped", "queue/to_server/dropped"),
    ("queue_to_server_aqm_dropped", "queue/to_server/aqm_dropped"),
    ("queue_to_client_delay_{}_ns", "queue/to_client/delay_ns"),
    ("queue_to_client_marked", "queue/to_client/marked"),
    ("queue_to_client_dropped", "queue/to_client/dropped"),
    ("queue_to_client_aqm_dropped", "queue/to_client/aqm_dropped"),
    ("ecn_to_server_capable", "ecn/to_server/capable"),
    ("ecn_to_server_marked", "ecn/to_server/marked"),
    ("ecn_to_server_ce_seen", "ecn/to_server/ce_seen"),
    ("ecn_to_server_bleached", "ecn/to_server/bleached"),
    ("ecn_to_server_window_reductions", "ecn/to_server/window_reductions"),
    ("ecn_to_server_validation_failed", "ecn/to_server/validation_failed"),
    ("ecn_to_client_capable", "ecn/to_client/capable"),
    ("ecn_to_client_marked", "ecn/to_client/marked"),
    ("ecn_to_client_ce_seen", "ecn/to_client/ce_seen"),
    ("ecn_to_client_bleached", "ecn/to_client/bleached"),
    ("ecn_to_client_window_reductions", "ecn/to_client/window_reductions"),
    ("ecn_to_client_validation_failed", "ecn/to_client/validation_failed"),
    ("ipdv_mean_ns", "network/ipdv_ns/mean"),
    ("hold_mean_ns", "network/hold_ns/mean"),
    ("told", "network/told"),
    ("refused", "network/refused"),
    ("lost_unattributed", "network/unattributed"),
    ("network_to_server_lost", "network/to_server/lost"),
    ("network_to_server_loss_ratio", "network/to_server/loss_ratio"),
    ("network_to_server_reordered", "network/to_server/reordered"),
    ("network_to_server_reordered_ratio", "network/to_server/reordered_ratio"),
    ("network_to_server_ipdv_mean_ns", "network/to_server/ipdv_ns/mean"),
    ("network_to_server_ipdv_p99_ns", "network/to_server/ipdv_ns/p99"),
    ("network_to_client_lost", "network/to_client/lost"),
    ("network_to_client_loss_ratio", "network/to_client/loss_ratio"),
    ("network_to_client_reordered", "network/to_client/reordered"),
    ("network_to_client_reordered_ratio", "network/to_client/reordered_ratio"),
    ("network_to_client_ipdv_mean_ns", "network/to_client/ipdv_ns/mean"),
    ("network_to_client_ipdv_p99_ns", "network/to_client/ipdv_ns/p99"),
    ("retransmitted_packets", "recovery/retransmitted_packets"),
    ("congestion_events", "recovery/congestion_events"),
    ("min_window_bytes", "recovery/min_window_bytes"),
    ("window_limited_ns", "recovery/window_limited_ns"),
    ("timeouts", "recovery/timeouts"),
    ("acknowledged_ce", "recovery/acknowledged_ce"),
    ("ce_received", "recovery/ce_received"),
    ("resent_packets", "recovery/truth/resent_packets"),
    ("needless_packets", "recovery/truth/needless_packets"),
    ("false_losses", "recovery/truth/false_losses"),
    ("undeclared_losses", "recovery/truth/undeclared_losses"),
    ("loss_detection_{}_ns", "recovery/truth/detection_ns"),
    ("found_by_packet_threshold", "recovery/truth/by_cause/packet_threshold/losses"),
    ("false_by_packet_threshold", "recovery/truth/by_cause/packet_threshold/false_losses"),
    ("found_by_time_threshold", "recovery/truth/by_cause/time_threshold/losses"),
    ("false_by_time_threshold", "recovery/truth/by_cause/time_threshold/false_losses"),
    ("found_by_duplicate_acks", "recovery/truth/by_cause/duplicate_acks/losses"),
    ("false_by_duplicate_acks", "recovery/truth/by_cause/duplicate_acks/false_losses"),
    ("found_by_timeout", "recovery/truth/by_cause/timeout/losses"),
    ("false_by_timeout", "recovery/truth/by_cause/timeout/false_losses"),
    ("found_by_probe", "recovery/truth/by_cause/probe/losses"),
    ("found_by_repeated_flight", "recovery/truth/by_cause/repeated_flight/losses"),
    ("false_by_repeated_flight", "recovery/truth/by_cause/repeated_flight/false_losses"),
    ("kernel_fast_retransmits", "recovery/kernel/fast_retransmits"),
    ("kernel_slow_start_retransmits", "recovery/kernel/slow_start_retransmits"),
    ("kernel_timeouts", "recovery/kernel/timeouts"),
    ("kernel_loss_probes", "recovery/kernel/loss_probes"),
    ("kernel_dsacks", "recovery/kernel/dsacks"),
    ("transfer_direction", "transfer/direction"),
    ("transfer_bytes", "transfer/bytes"),
    ("transfer_pace_bps", "transfer/pace_bps"),
    ("transfer_completed", "transfer/completed"),
    ("transfer_failed", "transfer/failed"),
    ("transfer_unknown", "transfer/unknown"),
    ("transfer_time_{}_ns", "transfer/time_ns"),
    ("goodput_{}_bps", "transfer/goodput_bps"),
    ("arrived_bytes", "transfer/arrived_bytes"),
    ("arrived_ratio", "transfer/arrived_ratio"),
    ("missing_bytes", "transfer/missing/bytes"),
    ("missing_parts", "transfer/missing/parts"),
    ("transfer_stopped", "transfer/stopped"),
    ("idle_latency_{}_ns", "load/idle_latency_ns"),
    ("idle_loss_ratio", "load/idle_loss_ratio"),
    ("added_p50_ns", "load/added_p50_ns"),
    ("added_p50_ci95_low_ns", "load/added_p50_ci95_ns/0"),
    ("added_p50_ci95_high_ns", "load/added_p50_ci95_ns/1"),
    ("added_queue_ns", "load/added_queue_ns"),
    ("client_cpu_ns_per_message", "cpu/client_ns_per_message"),
    ("client_system_ns_per_message", "cpu/client_system_ns_per_message"),
    ("server_cpu_ns_per_message", "cpu/server_ns_per_message"),
    ("server_system_ns_per_message", "cpu/server_system_ns_per_message"),
    ("context_switches", "cpu/context_switches"),
    ("client_socket_calls_per_message", "cpu/client_socket_calls_per_message"),
    ("server_socket_calls_per_message", "cpu/server_socket_calls_per_message"),
    ("memory_connections", "memory/connections"),
    ("memory_client_bytes", "memory/client_bytes"),
    ("memory_server_bytes", "memory/server_bytes"),
    ("memory_client_bytes_per_connection", "memory/client_bytes_per_connection"),
    ("memory_server_bytes_per_connection", "memory/server_bytes_per_connection"),
    ("migration_at_ns", "migration/at_ns"),
    ("migration_changed", "migration/changed"),
    ("migration_outage_ns", "migration/outage_ns"),
    ("migration_survives", "migration/survives"),
    ("migration_after_to_server_{}", "migration/after/to_server"),
    ("migration_after_to_client_{}", "migration/after/to_client"),
    ("migration_gap_{}_ns", "migration/gap_ns"),
    ("migration_no_service", "migration/no_service"),
    ("migration_lost", "migration/lost"),
    ("migration_resent_bytes", "migration/resent_bytes"),
    ("migration_full_speed_{}_ns", "migration/full_speed_ns"),
    ("migration_round_trips", "migration/round_trips"),
    ("migration_connections", "migration/connections"),
    ("migration_connections_after_silence", "migration/connections_after_silence"),
    ("migration_reconnected_seeds", "migration/reconnected_seeds"),
    ("migration_resent_requests", "migration/resent_requests"),
    ("migration_unroutable_packets", "migration/unroutable_packets"),
    ("migration_unvalidated_ratio", "migration/unvalidated_ratio"),
    ("migration_within_limit", "migration/within_limit"),
    ("video_frames", "video/frames"),
    ("video_shown", "video/shown"),
    ("video_late", "video/late"),
    ("video_incomplete", "video/incomplete"),
    ("video_useless", "video/useless"),
    ("video_skips", "video/skips"),
    ("video_freezes", "video/freezes"),
    ("video_frozen_ns", "video/frozen_ns"),
    ("video_longest_freeze_ns", "video/longest_freeze_ns"),
    ("video_longest_jump_frames", "video/jump_frames/max"),
    ("video_delay_{}_ns", "video/delay_ns"),
    ("video_bytes", "video/bytes"),
    ("video_wasted_bytes", "video/wasted_bytes"),
    ("game_updates", "game/both/updates"),
    ("game_used", "game/both/used"),
    ("game_superseded", "game/both/superseded"),
    ("game_age_mean_ns", "game/both/mean_ns"),
    ("game_age_p99_ns", "game/both/p99_ns"),
    ("game_age_max_ns", "game/both/max_ns"),
    ("game_stale_ratio", "game/both/stale_ratio"),
    ("game_to_server_age_mean_ns", "game/to_server/mean_ns"),
    ("game_to_client_age_mean_ns", "game/to_client/mean_ns"),
    ("page_mode", "page/mode"),
    ("page_max_connections", "page/max_connections"),
    ("page_objects", "page/objects"),
    ("page_mean_bytes", "page/mean_bytes"),
    ("page_loads", "page/loads"),
    ("page_complete", "page/complete"),
    ("page_failed", "page/failed"),
    ("page_connections_per_load", "page/connections_per_load"),
    ("page_first_byte_{}_ns", "page/first_byte_ns"),
    ("page_document_{}_ns", "page/document_ns"),
    ("page_first_object_{}_ns", "page/first_object_ns"),
    ("page_each_object_{}_ns", "page/each_object_ns"),
    ("page_object_first_byte_{}_ns", "page/object_first_byte_ns"),
    ("page_complete_{}_ns", "page/complete_ns"),
    ("page_round_trips", "page/round_trips"),
    ("page_connecting_mean_ns", "page/phases_mean_ns/connecting_ns"),
    ("page_waiting_mean_ns", "page/phases_mean_ns/waiting_ns"),
    ("page_request_mean_ns", "page/phases_mean_ns/request_ns"),
    ("page_receiving_mean_ns", "page/phases_mean_ns/receiving_ns"),
    ("page_problem", "page/problem"),
    ("sender", "sender/sender"),
    ("sender_transport", "sender/transport"),
    ("sender_congestion", "sender/congestion"),
    ("sender_pace_bps", "sender/pace_bps"),
    ("sender_start_ns", "sender/start_ns"),
    ("sender_end_ns", "sender/end_ns"),
    ("sender_goodput_bps", "sender/goodput_bps"),
    ("sender_goodput_ci95_low_bps", "sender/goodput_ci95_bps/0"),
    ("sender_goodput_ci95_high_bps", "sender/goodput_ci95_bps/1"),
    ("sender_share_ratio", "sender/share_ratio"),
    ("sender_share_ci95_low_ratio", "sender/share_ci95_ratio/0"),
    ("sender_share_ci95_high_ratio", "sender/share_ci95_ratio/1"),
    ("sender_packets", "sender/packets"),
    ("sender_dropped", "sender/dropped"),
    ("sender_loss_ratio", "sender/loss_ratio"),
    ("sender_retransmitted_packets", "sender/retransmitted_packets"),
    ("sender_converge_ns", "sender/converge_ns"),
    ("sender_converged", "sender/converged"),
    ("sender_converge_reason", "sender/converge_reason"),
    ("sender_flags", "sender/flags"),
    ("sender_stopped", "sender/stopped"),
    ("share_direction", "share/direction"),
    ("jain_index", "share/jain_index"),
    ("jain_index_ci95_low", "share/jain_index_ci95/0"),
    ("jain_index_ci95_high", "share/jain_index_ci95/1"),
    ("utilisation_ratio", "share/utilisation_ratio"),
    ("share_queue_p95_ns", "share/queue_p95_ns"),
    ("handshake_mode", "handshake/mode"),
    ("handshake_connections", "handshake/connections"),
    ("handshake_failed", "handshake/failed"),
    ("handshake_connect_{}_ns", "handshake/connect_ns"),
    ("handshake_first_reply_{}_ns", "handshake/first_reply_ns"),
    ("handshake_second_reply_{}_ns", "handshake/second_reply_ns"),
    ("handshake_over_1s_ratio", "handshake/over_1s_ratio"),
    ("handshake_round_trips", "handshake/round_trips"),
    ("handshake_packets_to_server", "handshake/packets_to_server"),
    ("handshake_packets_to_client", "handshake/packets_to_client"),
    ("handshake_bytes_to_server", "handshake/bytes_to_server"),
    ("handshake_bytes_to_client", "handshake/bytes_to_client"),
    ("handshake_connections_per_second", "handshake/connections_per_second"),
    ("flags", "flags"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::model::{
        Budget, Cell, Delayed, Game, Handshake, HandshakeMode, Hol, HolDirection, KernelRecovery, Latency,
        Link, Load, LossCauses, LossDetection, Messages, Migration, Missing, Network, NetworkDirection, Page,
        PagePhases, QueueDirection, Ratio, Recovery, Share, ShareSender, Stall, Theory, Transfer,
        TransferDirection, Truth, Video, Wire, WireDirection, Workload,
    };
    use crate::unit::PerDirection;

    fn sender() -> ShareSender {
        ShareSender {
            sender: "udp@1mbit".into(),
            transport: "udp".into(),
            congestion: None,
            pace_bps: None,
            start_ns: 0,
            end_ns: 0,
            goodput_bps: None,
            goodput_ci95_bps: None,
            share_ratio: None,
            share_ci95_ratio: None,
            packets: 0,
            dropped: 0,
            loss_ratio: None,
            retransmitted_packets: None,
            converge_ns: None,
            converged: 0,
            converge_reason: None,
            flags: Vec::new(),
            stopped: None,
        }
    }

    #[test]
    fn every_column_stands_in_a_cell_that_has_all_objects() {
        let cell = Cell {
            messages: Some(Messages::default()),
            connect_ns: Some(Default::default()),
            latency_ns: Some(Latency::default()),
            send_delay_ns: Some(Default::default()),
            budget_ns: Some(Budget::default()),
            delayed: Some(Delayed::default()),
            hol: Some(Hol {
                longest_stall: Some(Stall::default()),
                to_server: Some(HolDirection::default()),
                to_client: Some(HolDirection::default()),
                ..Hol::default()
            }),
            theory: Some(Theory::default()),
            wire: Some(Wire {
                to_server: Some(WireDirection::default()),
                to_client: Some(WireDirection::default()),
                ..Wire::default()
            }),
            queue: Some(PerDirection::default().map(|_: ()| Some(QueueDirection::default()))),
            ecn: Some(Default::default()),
            load: Some(Load {
                background: Vec::new(),
                idle_latency_ns: Some(Latency::default()),
                idle_loss_ratio: None,
                added_p50_ns: None,
                added_p50_ci95_ns: None,
                added_queue_ns: None,
            }),
            cpu: Some(Default::default()),
            memory: Some(Default::default()),
            migration: Some(Migration { after: Some(Link::default()), ..Migration::default() }),
            share: Some(Share {
                direction: TransferDirection::Up,
                measured_ns: None,
                jain_index: None,
                jain_index_ci95: None,
                utilisation_ratio: None,
                queue_p95_ns: None,
                senders: vec![sender()],
            }),
            network: Some(Network {
                hold_ns: Some(Default::default()),
                to_server: Some(NetworkDirection::default()),
                to_client: Some(NetworkDirection::default()),
                ..Network::default()
            }),
            loss_detection: Some(LossDetection {
                packet_threshold: 3,
                time_threshold: Ratio::of(9, 8).unwrap(),
            }),
            recovery: Some(Recovery {
                truth: Some(Truth { by_cause: Some(LossCauses::default()), ..Truth::default() }),
                kernel: Some(KernelRecovery::default()),
                ..Recovery::default()
            }),
            video: Some(Video::default()),
            game: Some(Game::default()),
            page: Some(Page { phases_mean_ns: Some(PagePhases::default()), ..Page::of(HandshakeMode::Cold) }),
            transfer: Some(Transfer { missing: Some(Missing::default()), ..Transfer::default() }),
            handshake: Some(Handshake {
                mode: HandshakeMode::Cold,
                connections: None,
                failed: None,
                connect_ns: Some(Default::default()),
                first_reply_ns: Some(Default::default()),
                second_reply_ns: Some(Default::default()),
                over_1s_ratio: None,
                round_trips: None,
                packets_to_server: None,
                packets_to_client: None,
                bytes_to_server: None,
                bytes_to_client: None,
                connections_per_second: None,
            }),
            ..Cell::new("udp", "sim", Some(Link::default()), Workload::default())
        };
        let mut cell = serde_json::to_value(cell).unwrap();
        // A row per sender has it here.
        cell["sender"] = cell["share"]["senders"][0].clone();
        for (name, pointer) in COLUMNS.iter().flat_map(expanded) {
            let (object, _) = pointer.rsplit_once('/').unwrap();
            // The ends of an interval that is null.
            let is_end = pointer.ends_with("/0") || pointer.ends_with("/1");
            let known = if is_end { object } else { &*pointer };
            assert!(cell.pointer(known).is_some(), "{name}: {pointer}");
        }
    }
}
