//! Changes that others make to the kernel's rules: told as events, with who made them, and undone if that is
//! configured.
//!
//! The rules that the kernel has once the daemon has loaded its own are those to be. They are compared with the
//! kernel's whenever it reports a change of rules, and once a minute. What has changed and is not put back is from
//! then on as it is to be, so that each change is told once.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::capture::Work;
use crate::config::OnDrift;
use crate::netlink::control::Control;
use crate::record::RecordType;
use crate::record::fields::{Value, find};
use crate::rules::Rule;
use crate::rules::display::Form;
use crate::rules::plan::{Plan, plan};
use crate::ruleset::load::{carry_out, installed};

/// How often rules are compared when the kernel reports no change: its report may be lost, or excluded by a rule.
const INTERVAL: Duration = Duration::from_secs(60);
/// How long nothing must be reported before rules are compared: loading a file is many changes.
const SETTLE: Duration = Duration::from_millis(200);
/// The longest that a stream of changes puts this off.
const SETTLE_MAX: Duration = Duration::from_secs(2);
/// How long a full queue of the log is waited for.
const SEND_MAX: Duration = Duration::from_secs(1);
/// How often the thread looks whether it is to stop.
const STOP_INTERVAL: Duration = Duration::from_millis(50);
/// Reports of changes that wait at most, and that are remembered: of some hundred bytes each. Of changes beyond that
/// it is not told who made them.
const REPORTS_MAX: usize = 1024;
/// Changed rules that are told one by one; the rest is counted.
const TOLD_MAX: usize = 100;

/// Where the kernel's reports of changes go.
#[derive(Clone)]
pub(super) struct Reports(Sender<Vec<u8>>);

impl Reports {
    /// The two ends.
    pub(super) fn new() -> (Reports, Receiver<Vec<u8>>) {
        let (reports, reported) = bounded(REPORTS_MAX);
        (Reports(reports), reported)
    }

    /// Takes a message of the kernel, of whatever type. Never waits.
    pub(super) fn see(&self, kind: u16, payload: &[u8]) {
        let of_rules = || payload.windows(9).any(|part| part == b"op=add_ru" || part == b"op=remove");
        if RecordType(kind) == RecordType::CONFIG_CHANGE && of_rules() {
            // When it is full there is enough to compare for already.
            let _ = self.0.try_send(payload.to_vec());
        }
    }
}

/// The thread that compares.
pub(super) struct Drift {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Drift {
    /// Begins with the rules that the kernel has now.
    pub(super) fn start(
        mut control: Control,
        on_drift: OnDrift,
        reported: Receiver<Vec<u8>>,
        work: Sender<Work>,
    ) -> anyhow::Result<Drift> {
        let to_be = installed(&mut control)?;
        let stop = Arc::new(AtomicBool::new(false));
        let seen = stop.clone();
        let mut keeper = Keeper { control, on_drift, to_be, reports: VecDeque::new(), work };
        let run = move || watch(&mut keeper, &reported, &seen);
        let thread = thread::Builder::new().name("rules".into()).spawn(run)?;
        Ok(Drift { stop, thread })
    }

    /// Ends the thread. To be called before the daemon takes its own rules away.
    pub(super) fn stop(self) {
        self.stop.store(true, Ordering::Release);
        let _ = self.thread.join();
    }
}

/// Compares when there is a reason to, until it is to stop.
fn watch(keeper: &mut Keeper, reported: &Receiver<Vec<u8>>, stop: &AtomicBool) {
    let mut compared = Instant::now();
    let mut first: Option<Instant> = None;
    let mut last = Instant::now();
    while !stop.load(Ordering::Acquire) {
        if let Ok(report) = reported.recv_timeout(STOP_INTERVAL) {
            keeper.remember(report);
            last = Instant::now();
            first.get_or_insert(last);
        }
        let settled = first.is_some_and(|first| last.elapsed() >= SETTLE || first.elapsed() >= SETTLE_MAX);
        if settled || compared.elapsed() >= INTERVAL {
            keeper.compare();
            compared = Instant::now();
            first = None;
        }
    }
}

/// Who knows what rules are to be.
struct Keeper {
    control: Control,
    on_drift: OnDrift,
    to_be: Vec<Rule>,
    /// What the kernel has reported of changes.
    reports: VecDeque<Vec<u8>>,
    work: Sender<Work>,
}

impl Keeper {
    fn remember(&mut self, report: Vec<u8>) {
        if self.reports.len() >= REPORTS_MAX {
            self.reports.pop_front();
        }
        self.reports.push_back(report);
    }

    fn compare(&mut self) {
        let now = match installed(&mut self.control) {
            Ok(now) => now,
            Err(error) => return tracing::warn!("the rules cannot be compared: {error}"),
        };
        // From what was to be to what is there: what others have done.
        let done = plan(&self.to_be, &now);
        if done.is_empty() {
            self.reports.clear();
            return;
        }
        let repair = match self.on_drift {
            OnDrift::Tell => "off",
            OnDrift::Repair => {
                let back = plan(&now, &self.to_be);
                match carry_out(&mut self.control, &back, &now, false) {
                    Ok(_) => "done",
                    Err(error) => {
                        tracing::error!("the rules cannot be made again what they were: {error}");
                        "failed"
                    }
                }
            }
        };
        self.tell(&done, repair);
        if repair != "done" {
            self.to_be = now;
        }
        self.reports.clear();
    }

    fn tell(&mut self, done: &Plan, repair: &str) {
        let changes = [("added", &done.added), ("removed", &done.deleted), ("moved", &done.moved)];
        let all = changes.iter().flat_map(|(change, rules)| rules.iter().map(move |rule| (*change, rule)));
        for (change, rule) in all.clone().take(TOLD_MAX) {
            let who = self.who(change, rule);
            tracing::warn!(
                "a rule was {change} by somebody else{}: {rule}",
                if repair == "done" { ", and is put back" } else { "" }
            );
            self.send(format!(
                "op=rules-drift change={change} rule={}{who} repair={repair} {}",
                quoted(rule),
                result(repair)
            ));
        }
        let rest = all.count().saturating_sub(TOLD_MAX);
        if rest > 0 {
            self.send(format!("op=rules-drift change=more rules={rest} repair={repair} {}", result(repair)));
        }
    }

    fn send(&self, body: String) {
        // While the log is held back its queue may be full.
        if self.work.send_timeout(Work::Own { kind: RecordType::DAEMON_CONFIG, body }, SEND_MAX).is_err() {
            tracing::error!("a change of rules cannot be told in the log");
        }
    }

    /// Who has changed the rule, as the kernel has reported it, in its words; nothing if it has not.
    fn who(&mut self, change: &str, rule: &Rule) -> String {
        let op: &[u8] = if change == "removed" { b"op=remove_rule" } else { b"op=add_rule" };
        let key = key_field(rule);
        let of_rule = |report: &Vec<u8>| {
            report.windows(op.len()).any(|part| part == op)
                && report.windows(key.len()).any(|part| part == key)
        };
        let Some(report) = self.reports.iter().position(of_rule).and_then(|at| self.reports.remove(at))
        else {
            return String::new();
        };
        let number = |name: &str| match find(&report, name.as_bytes()) {
            Some(Value::Bare(text)) => {
                // Before some reports' op= there is no blank.
                let digits =
                    text.iter().take_while(|byte| byte.is_ascii_digit()).map(|byte| char::from(*byte));
                let digits: String = digits.collect();
                if digits.is_empty() { String::new() } else { format!(" {name}={digits}") }
            }
            _ => String::new(),
        };
        number("auid") + &number("ses")
    }
}

fn result(repair: &str) -> &'static str {
    if repair == "failed" { "res=failed" } else { "res=success" }
}

/// The rule's text as a value: in quotes, or in hexadecimal if quotes could not hold it.
fn quoted(rule: &Rule) -> String {
    let text = rule.to_text(Form::Listed);
    match text.iter().all(|byte| matches!(byte, b' '..=b'~') && *byte != b'"') {
        true => format!("\"{}\"", String::from_utf8_lossy(&text)),
        false => hexadecimal(&text),
    }
}

/// The rule's keys as the kernel writes them into its reports.
fn key_field(rule: &Rule) -> Vec<u8> {
    let keys: Vec<&[u8]> = rule.keys().collect();
    let joined = keys.join(&crate::rules::KEY_SEPARATOR);
    let plain = joined.iter().all(|byte| matches!(byte, b'!'..=b'~') && *byte != b'"');
    match joined.as_slice() {
        [] => b"key=(null)".to_vec(),
        joined if plain => [b"key=\"", joined, b"\""].concat(),
        joined => format!("key={}", hexadecimal(joined)).into_bytes(),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}
