//! What is read of an API server's metrics, whatever they are.

use proptest::prelude::*;

use super::*;

const TEXT: &str = r#"# HELP etcd_request_duration_seconds [BETA] Etcd request latency in seconds
# TYPE etcd_request_duration_seconds histogram
etcd_request_duration_seconds_bucket{group="",operation="get",resource="pods",le="0.005"} 8
etcd_request_duration_seconds_bucket{group="",operation="get",resource="pods",le="0.01"} 10
etcd_request_duration_seconds_bucket{group="",operation="get",resource="pods",le="+Inf"} 10
etcd_request_duration_seconds_sum{group="",operation="get",resource="pods"} 0.03
etcd_request_duration_seconds_count{group="",operation="get",resource="pods"} 10
etcd_request_duration_seconds_bucket{operation="get",type="/registry/leases/",le="0.005"} 12
etcd_request_duration_seconds_bucket{operation="get",type="/registry/leases/",le="0.01"} 30
etcd_request_duration_seconds_bucket{operation="get",type="/registry/leases/",le="+Inf"} 30
etcd_request_duration_seconds_bucket{operation="list",type="pods",le="x"} 3
apiserver_storage_size_bytes{storage_cluster_id="etcd-0"} 1.2345678e+07
etcd_db_total_size_in_bytes{endpoint="https://10.0.0.1:2379"} 4096
etcd_db_total_size_in_bytes{endpoint="https://10.0.0.2:2379"} -1
apiserver_requested_deprecated_apis{group="autoscaling",removed_release="1.26",resource="horizontalpodautoscalers",subresource="",version="v2beta2"} 1
apiserver_requested_deprecated_apis{group="",removed_release="",resource="componentstatuses",subresource="",version="v1"} 1
apiserver_requested_deprecated_apis{group="gone",removed_release="",resource="x",subresource="",version="v1"} 0
process_start_time_seconds 1.76e+09
process_start_time_seconds_of_another 7
etcd_request_duration_seconds_bucket{operation="cut off",le="+Inf"} 1"#;

fn read(text: impl AsRef<[u8]>) -> Metrics {
    let mut reading = Reading::default();
    reading.take(text.as_ref());
    reading.finish()
}

#[test]
fn what_is_wanted_is_read() {
    let metrics = read(TEXT);
    let sizes: Vec<_> = metrics.sizes.iter().map(|(server, bytes)| (server.as_str(), *bytes)).collect();
    assert_eq!(sizes, [("etcd-0", 12_345_678), ("https://10.0.0.1:2379", 4096)]);
    assert_eq!(metrics.started, Some(1.76e9));
    assert_eq!(metrics.operations.keys().collect::<Vec<_>>(), ["get"]);
    let gets = &metrics.operations["get"];
    assert_eq!((gets.count(), gets.quantile(0.5)), (40, Some(0.005)));
    let apis: Vec<_> = metrics.deprecated.iter().map(|api| (&*api.resource, &*api.removed_release)).collect();
    assert_eq!(apis, [("componentstatuses", ""), ("horizontalpodautoscalers", "1.26")]);
}

#[test]
fn it_does_not_matter_where_it_is_broken_off() {
    let whole = read(TEXT);
    for size in [1, 2, 7, 64, 1000] {
        let mut reading = Reading::default();
        TEXT.as_bytes().chunks(size).for_each(|part| reading.take(part));
        assert_eq!(reading.finish(), whole, "{size}");
    }
}

#[test]
fn lines_that_are_too_long_are_left_aside_and_the_next_are_read() {
    let long = format!("{STARTED}{{x=\"{}\"}} 1\n", "y".repeat(3 * LONGEST));
    for size in [1000, long.len() + 100] {
        let mut reading = Reading::default();
        let text = format!("{long}{STARTED} 5\n");
        for part in text.as_bytes().chunks(size) {
            reading.take(part);
            assert!(reading.begun.len() <= LONGEST);
        }
        assert_eq!(reading.finish().started, Some(5.0));
    }
}

#[test]
fn however_much_there_is_little_is_kept() {
    let mut reading = Reading::default();
    for number in 0..10_000 {
        reading.take(
            format!(
                "etcd_request_duration_seconds_bucket{{operation=\"{number}\",le=\"{number}\"}} 1\n\
                 etcd_request_duration_seconds_bucket{{operation=\"get\",le=\"{number}\"}} 1\n\
                 apiserver_storage_size_bytes{{storage_cluster_id=\"{number}\"}} 1\n\
                 apiserver_requested_deprecated_apis{{resource=\"{number}\",group=\"{}\"}} 1\n\
                 # {}\nsome_other_metric{{x=\"{number}\"}} 1\n",
                "g".repeat(1000),
                "x".repeat(5000),
            )
            .as_bytes(),
        );
    }
    let metrics = reading.finish();
    assert_eq!((metrics.operations.len(), metrics.sizes.len(), metrics.deprecated.len()), (MOST, MOST, MOST_APIS));
    assert!(metrics.deprecated.iter().all(|api| api.group.len() == LONGEST_VALUE));
}

#[test]
fn what_came_since_is_told_of_the_same_server_alone() {
    let at = |started: u64, count: u64| {
        read(format!(
            "process_start_time_seconds {started}\n\
             etcd_request_duration_seconds_bucket{{operation=\"get\",le=\"0.1\"}} {count}\n\
             etcd_request_duration_seconds_bucket{{operation=\"get\",le=\"+Inf\"}} {count}\n"
        ))
    };
    let came = at(7, 30).since(&at(7, 10)).unwrap();
    assert_eq!(came["get"].count(), 20);
    assert_eq!(at(7, 30).since(&at(8, 10)), None, "another server's");
    assert_eq!(at(7, 10).since(&at(7, 30)), None, "it counts from the beginning");
    assert_eq!(read("").since(&read("")), None, "who knows whose");
    assert_eq!(at(7, 30).since(&read("process_start_time_seconds 7\n")).unwrap()["get"].count(), 30);
}

proptest! {
    #[test]
    fn garbage_harms_nothing(parts in prop::collection::vec("[ -~\n\\\\\"{}]{0,40}", 0..40)) {
        let mut reading = Reading::default();
        for part in parts {
            reading.take(LATENCY.as_bytes());
            reading.take(part.as_bytes());
            reading.take(&[0xff, b'\n']);
        }
        let metrics = reading.finish();
        for histogram in metrics.operations.values() {
            prop_assert!(histogram.quantile(0.99).is_none_or(|value| !value.is_nan()));
        }
    }
}
