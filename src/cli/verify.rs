//! `ktrail verify`: whether a log is what was signed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use indicatif::ProgressBar;
use serde::Serialize;

use super::arguments::{Place, Report, Verify};
use super::exit;
use super::log::progress;
use super::status::{size, time};
use crate::config::{Config, Overrides};
use crate::entry::decode::describe;
use crate::store::chain::checkpoint::{Checkpoint, Slip, hex, unhex};
use crate::store::chain::verify::{self, Entry, Known, Progress, Tampering, Verified};

const TEMPLATE: &str = "{bar:40} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta}";

struct Bar(ProgressBar);

impl Progress for Bar {
    fn total(&self, bytes: u64) {
        self.0.set_length(bytes);
        self.0.set_position(0);
    }

    fn read(&self, bytes: u64) {
        self.0.inc(bytes);
    }
}

/// Verifies, or prints what is to be kept elsewhere. Exit status 0: all is as it was signed; 1: it is not.
pub(super) fn verify(place: &Place, arguments: &Verify) -> anyhow::Result<u8> {
    let dir = match arguments.dir.clone().or_else(|| place.log_dir.clone()) {
        Some(dir) => dir,
        None => Config::load(&Overrides::default())?.store.dir,
    };
    let none = || format!("{} has no chain of signatures: nothing can be proven", dir.display());
    let failed = || format!("cannot verify {}", dir.display());
    if arguments.print_checkpoint || arguments.print_public_key {
        let (public_key, last) = verify::ends(&dir).with_context(failed)?.with_context(none)?;
        if arguments.print_public_key {
            println!("{}", hex(&public_key));
        }
        if arguments.print_checkpoint {
            println!("{last}");
        }
        return Ok(exit::FOUND);
    }
    let known = Known {
        public_key: arguments.public_key.as_deref().map(public_key).transpose()?,
        checkpoint: arguments.checkpoint.as_deref().map(checkpoint).transpose()?,
    };
    let bar = Bar(progress(0, TEMPLATE)?);
    let verified = verify::verify(&dir, &known, &(Arc::new(describe) as _), &bar);
    bar.0.finish_and_clear();
    let verified = verified.with_context(failed)?.with_context(none)?;
    match arguments.format {
        Report::Text => print(&verified),
        Report::Json => println!("{}", serde_json::to_string(&Told::of(&verified))?),
    }
    Ok(if verified.tampering.is_empty() { exit::FOUND } else { exit::NOTHING })
}

/// A public key: its digits, or a file that has them.
fn public_key(text: &str) -> anyhow::Result<[u8; 32]> {
    if let Some(key) = unhex(text) {
        return Ok(key);
    }
    let read = fs::read_to_string(text);
    let read = read
        .with_context(|| format!("{text:?} is neither a public key of 64 hexadecimal digits nor a file"))?;
    unhex(read.trim()).with_context(|| format!("{text} does not hold a public key of 64 hexadecimal digits"))
}

/// A checkpoint: its text, or a file that has it.
fn checkpoint(text: &str) -> anyhow::Result<Checkpoint> {
    match text.parse() {
        Ok(checkpoint) => Ok(checkpoint),
        Err(Slip::Form) if Path::new(text).exists() => {
            let read = fs::read_to_string(text).with_context(|| format!("cannot read {text}"))?;
            read.parse().with_context(|| format!("{text} does not hold a checkpoint"))
        }
        Err(slip) => bail!("{text:?} is no checkpoint: {slip}"),
    }
}

fn print(verified: &Verified) {
    for tampering in &verified.tampering {
        println!("{}", sentence(tampering));
    }
    let (segments, entries) = (verified.segments, verified.entries);
    if verified.tampering.is_empty() {
        println!(
            "{segments} segments with {entries} entries, {} of lines, are as they were signed from {} to {}",
            size(verified.bytes),
            time(verified.begun_ms),
            time(verified.signed_ms)
        );
    } else {
        println!("TAMPERED: {} findings in {segments} segments", verified.tampering.len());
    }
    println!("public key  {}", hex(&verified.public_key));
    if let Some(checkpoint) = &verified.checkpoint {
        println!("checkpoint  {checkpoint}");
    }
    for note in &verified.notes {
        println!("note: {note}");
    }
}

/// One finding as a line.
fn sentence(tampering: &Tampering) -> String {
    let mut text = format!("{}: {}", tampering.what.name(), tampering.path.display());
    if let Some(segment) = tampering.segment {
        text.push_str(&format!(": segment {segment}"));
    }
    if let Some((first, last)) = tampering.entries {
        text.push_str(&format!(", entries {} to {}", entry(first), entry(last)));
    }
    text.push_str(&format!(": {}", tampering.reason));
    if let Some(since) = tampering.since_ms {
        text.push_str(&format!(" (since {})", time(since)));
    }
    text
}

fn entry(entry: Entry) -> String {
    match entry.stamp {
        Some(stamp) => format!("{} ({}, serial {})", entry.ordinal, time(stamp.time_ms), stamp.serial),
        None => format!("{} (unreadable)", entry.ordinal),
    }
}

/// The answer in JSON.
#[derive(Serialize)]
struct Told<'a> {
    verdict: &'static str,
    public_key: String,
    begun_ms: u64,
    signed_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<String>,
    segments: u64,
    entries: u64,
    bytes: u64,
    tampering: Vec<ToldTampering<'a>>,
    notes: &'a [String],
}

#[derive(Serialize)]
struct ToldTampering<'a> {
    what: &'static str,
    file: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    segment: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<ToldEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<ToldEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since_ms: Option<u64>,
    reason: &'a str,
}

#[derive(Serialize)]
struct ToldEntry {
    ordinal: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<u32>,
}

impl ToldEntry {
    fn of(entry: Entry) -> ToldEntry {
        let (time_ms, serial) = entry.stamp.map(|stamp| (stamp.time_ms, stamp.serial)).unzip();
        ToldEntry { ordinal: entry.ordinal, time_ms, serial }
    }
}

impl Told<'_> {
    fn of(verified: &Verified) -> Told<'_> {
        let tampering = verified.tampering.iter().map(|found| {
            let (first, last) = found.entries.unzip();
            ToldTampering {
                what: found.what.name(),
                file: found.path.clone(),
                segment: found.segment,
                first: first.map(ToldEntry::of),
                last: last.map(ToldEntry::of),
                since_ms: found.since_ms,
                reason: &found.reason,
            }
        });
        Told {
            verdict: if verified.tampering.is_empty() { "good" } else { "tampered" },
            public_key: hex(&verified.public_key),
            begun_ms: verified.begun_ms,
            signed_ms: verified.signed_ms,
            checkpoint: verified.checkpoint.as_ref().map(Checkpoint::to_string),
            segments: verified.segments,
            entries: verified.entries,
            bytes: verified.bytes,
            tampering: tampering.collect(),
            notes: &verified.notes,
        }
    }
}
