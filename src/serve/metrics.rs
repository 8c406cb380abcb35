//! The status as OpenMetrics text. `docs/api.md` has every metric with its unit.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::StatusSource;
use crate::protocol::{Lookup, Output, Shed, Status};
use crate::store::Timings;

/// What every name begins with.
const PREFIX: &str = "ktrail";

/// Makes the text, and counts what the server itself does.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// How long searches take, and how many there were.
    pub(super) search: Histogram,
    /// The same for counts.
    pub(super) count: Histogram,
}

impl Metrics {
    /// Metrics of a daemon and its store.
    pub fn new(status: StatusSource, store: Timings) -> Metrics {
        let (search, count) = (Timings::histogram(), Timings::histogram());
        let mut registry = Registry::with_prefix(PREFIX);
        registry.register_collector(Box::new(All {
            status,
            store,
            search: search.clone(),
            count: count.clone(),
        }));
        Metrics { registry, search, count }
    }

    /// The text of now.
    pub(super) fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// All there is to tell.
struct All {
    status: StatusSource,
    store: Timings,
    search: Histogram,
    count: Histogram,
}

impl fmt::Debug for All {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("All").finish_non_exhaustive()
    }
}

impl Collector for All {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let status = (self.status)();
        let mut text = Text(encoder);
        let version = [("version", status.daemon.version.as_str())];
        text.one("build", "The daemon's version", None, &Info::new(version))?;
        counters(&mut text, &status)?;
        queues(&mut text, &status)?;
        gauges(&mut text, &status)?;
        outputs(&mut text, &status)?;
        lookups(&mut text, &status)?;
        let seconds = Some(&Unit::Seconds);
        text.one("store_write", "Time of a write to the log's file", seconds, &self.store.write)?;
        text.one("store_sync", "Time until the disk has what was written", seconds, &self.store.sync)?;
        text.family(
            "search",
            "Time of searches and counts that were served",
            seconds,
            &[([("request", "search")], &self.search), ([("request", "count")], &self.count)],
        )
    }
}

fn counters(text: &mut Text<'_>, status: &Status) -> fmt::Result {
    let counters = &status.counters;
    for (name, unit, value, help) in [
        ("received", "messages", counters.messages, "Messages received from the kernel"),
        ("foreign", "messages", counters.foreign, "Messages dropped because they came from elsewhere"),
        ("truncated", "messages", counters.truncated, "Messages longer than the room for one"),
        ("received", "records", counters.records, "Audit records among the messages"),
        ("malformed", "records", counters.malformed, "Records that could not be read and are kept as text"),
        ("assembled", "events", counters.events, "Events made of the records"),
        ("late", "events", counters.late, "Parts of events that came after the event was closed"),
        ("stored", "events", counters.stored, "Events stored"),
        ("dropped", "events", counters.dropped, "Events that could not be stored"),
        ("shed", "events", counters.shed, "Events left out because more came than could be stored"),
        ("missing", "serials", counters.gaps, "Serial numbers of events that never came"),
        ("lost", "messages", counters.lost, "Messages that the kernel says it has lost"),
    ] {
        text.one(name, help, Some(&Unit::Other(unit.to_owned())), &ConstCounter::new(value))?;
    }
    shed(text, &status.overload.shed)?;
    let waited = status.kernel.and_then(|kernel| kernel.backlog_wait_time_actual);
    waited.map_or(Ok(()), |ticks| {
        let help = "Time for which the kernel has held producers back, in its clock ticks";
        let unit = Unit::Other("ticks".to_owned());
        text.one("kernel_backlog_wait", help, Some(&unit), &ConstCounter::new(u64::from(ticks)))
    })
}

/// What was left out, by type and key; nothing where nothing was.
fn shed(text: &mut Text<'_>, shed: &[Shed]) -> fmt::Result {
    let rows: Vec<_> = shed
        .iter()
        .map(|shed| (shed.kind.as_str(), shed.keys.join(","), ConstCounter::new(shed.events)))
        .collect();
    let rows: Vec<_> =
        rows.iter().map(|(kind, key, events)| ([("type", *kind), ("key", key.as_str())], events)).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let unit = Unit::Other("events".to_owned());
    text.family("shed_by_key", "The same by record type and key", Some(&unit), &rows)
}

fn queues(text: &mut Text<'_>, status: &Status) -> fmt::Result {
    let kernel = status.kernel.map(|kernel| ConstGauge::new(u64::from(kernel.backlog)));
    let queues = &status.queues;
    let depths = [queues.received_bytes, queues.open, queues.unwritten_bytes, queues.followers];
    let [receive, assemble, store, follow] = depths.map(ConstGauge::<u64>::new);
    let mut stages =
        vec![("receive", &receive), ("assemble", &assemble), ("store", &store), ("follow", &follow)];
    stages.extend(kernel.as_ref().map(|kernel| ("kernel", kernel)));
    let stages: Vec<_> = stages.into_iter().map(|(stage, depth)| ([("stage", stage)], depth)).collect();
    text.family("queue_depth", "What waits at each stage, each in its own unit", None, &stages)
}

fn outputs(text: &mut Text<'_>, status: &Status) -> fmt::Result {
    let of = |number: fn(&Output) -> u64| {
        status.outputs.iter().map(|output| (output.name.as_str(), number(output))).collect::<Vec<_>>()
    };
    let events = Unit::Other("events".to_owned());
    for (name, help, counts) in [
        ("output_delivered", "Events delivered to an output", of(|output| output.delivered)),
        (
            "output_dropped",
            "Events not delivered to an output; the log has them",
            of(|output| output.dropped),
        ),
    ] {
        let counters: Vec<_> =
            counts.iter().map(|(name, count)| (*name, ConstCounter::new(*count))).collect();
        let counters: Vec<_> =
            counters.iter().map(|(name, counter)| ([("output", *name)], counter)).collect();
        text.family(name, help, Some(&events), &counters)?;
    }
    for (name, help, unit, counts) in [
        ("output_waiting", "Events that wait for an output", Some(&events), of(|output| output.waiting)),
        (
            "output_failing",
            "1 while an output delivers nothing",
            None,
            of(|output| output.failing.is_some().into()),
        ),
    ] {
        let gauges: Vec<_> = counts.iter().map(|(name, count)| (*name, ConstGauge::new(*count))).collect();
        let gauges: Vec<_> = gauges.iter().map(|(name, gauge)| ([("output", *name)], gauge)).collect();
        text.family(name, help, unit, &gauges)?;
    }
    Ok(())
}

fn lookups(text: &mut Text<'_>, status: &Status) -> fmt::Result {
    let all = &status.lookups;
    let of = [("names", &all.names), ("processes", &all.processes), ("executables", &all.executables)];
    let lookups = Unit::Other("lookups".to_owned());
    let events = Unit::Other("events".to_owned());
    let facts = Unit::Other("facts".to_owned());
    type Count = fn(&Lookup) -> u64;
    let counts: [(&str, &str, &Unit, Count); 7] = [
        ("known", "Look-ups that memory answered", &lookups, |lookup| lookup.known),
        ("asked", "Questions to the host", &lookups, |lookup| lookup.asked),
        ("answered", "Answers that came", &lookups, |lookup| lookup.answered),
        ("absent", "Answers that told nothing", &lookups, |lookup| lookup.absent),
        ("late", "Events without a fact because no answer came in time", &events, |lookup| lookup.late),
        ("refused", "Events without a fact because too much was asked", &events, |lookup| lookup.refused),
        ("forgotten", "Facts forgotten to make room for others", &facts, |lookup| lookup.forgotten),
    ];
    for (name, help, unit, count) in counts {
        let counters = of.map(|(kind, lookup)| (kind, ConstCounter::new(count(lookup))));
        let counters: Vec<_> = counters.iter().map(|(kind, counter)| ([("of", *kind)], counter)).collect();
        text.family(&format!("enrich_{name}"), help, Some(unit), &counters)?;
    }
    Ok(())
}

fn gauges(text: &mut Text<'_>, status: &Status) -> fmt::Result {
    let (store, space) = (&status.store, &status.store.space);
    let limit = status.kernel.map(|kernel| u64::from(kernel.backlog_limit));
    let unseen = status.unseen.as_ref().map(|unseen| unseen.processes);
    let (holding, failing) = (Some(space.holding.into()), Some(store.failing.is_some().into()));
    let waiting = "Messages that the kernel queues at most";
    let older = "Processes whose system calls the kernel does not audit";
    let holds = "1 while nothing is written because space is low";
    for (name, unit, value, help) in [
        ("kernel_backlog_limit", "messages", limit, waiting),
        ("unseen", "processes", unseen, older),
        ("following", "clients", Some(status.daemon.followers), "Clients that follow new events"),
        ("store", "segments", Some(store.segments), "Segments of the log"),
        ("store", "entries", Some(store.entries), "Events in the log"),
        ("store", "bytes", Some(store.bytes), "Size of the log on disk"),
        ("store_free", "bytes", space.free_bytes, "Free space on the log's file system"),
        ("store_least_free", "bytes", Some(space.least_bytes), "Space that is to stay free there"),
        ("store_holding", "", holding, holds),
        ("store_failing", "", failing, "1 while the log cannot be written"),
    ] {
        let Some(value) = value else { continue };
        let unit = (!unit.is_empty()).then(|| Unit::Other(unit.to_owned()));
        text.one(name, help, unit.as_ref(), &ConstGauge::new(value))?;
    }
    let started = ConstGauge::new(u32::try_from(status.daemon.started_ms / 1000).unwrap_or(u32::MAX));
    text.one("start_time", "When the daemon started, since 1970", Some(&Unit::Seconds), &started)
}

/// The text that is being made.
struct Text<'a>(DescriptorEncoder<'a>);

impl Text<'_> {
    /// Writes a metric that has no labels.
    fn one(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        metric: &impl EncodeMetric,
    ) -> fmt::Result {
        metric.encode(self.0.encode_descriptor(name, help, unit, metric.metric_type())?)
    }

    /// Writes a metric once for each of its sets of labels.
    fn family<L: EncodeLabelSet, M: EncodeMetric>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        metrics: &[(L, &M)],
    ) -> fmt::Result {
        // Without any, not even the kind of metric is known.
        if metrics.is_empty() {
            return Ok(());
        }
        let kind = metrics.first().map_or(MetricType::Unknown, |(_, metric)| metric.metric_type());
        let mut encoder = self.0.encode_descriptor(name, help, unit, kind)?;
        metrics.iter().try_for_each(|(labels, metric)| metric.encode(encoder.encode_family(labels)?))
    }
}
