//! What this host tells of its events.

use std::sync::Arc;
use std::time::Instant;

use crate::config::Config;
use crate::enrich::context::{Context, Login, Version};
use crate::enrich::counts::Counts;
use crate::enrich::host::{Found, Proc, Processes};
use crate::enrich::observe::Observer;
use crate::enrich::{self, Enricher, lookup};
use crate::entry::Resolve;
use crate::event::Event;
use crate::redact::Redactor;

/// Names and contexts for the encoder, as far as they are wanted.
pub(super) struct Host {
    names: Option<Enricher>,
    observer: Option<Observer>,
}

impl Host {
    /// Starts the threads that look things up and count it.
    pub(super) fn new(config: &Config, counts: &Counts) -> anyhow::Result<Host> {
        let names = || Enricher::new(enrich::Config::default(), Box::new(lookup::Host), counts);
        let proc = Proc::new(config.enrich.environment.clone());
        let processes: Box<dyn Processes + Send> = match &config.redact {
            Some(redact) => Box::new(Redacted(proc, Redactor::new(redact)?)),
            None => Box::new(proc),
        };
        let observer = || Observer::new(config.enrich.clone(), processes, counts);
        Ok(Host {
            names: config.names.then(names).transpose()?,
            observer: (!config.enrich.is_off()).then(observer).transpose()?,
        })
    }
}

/// This host's processes, without the secrets in their command lines. Events come without them.
struct Redacted(Proc, Redactor);

impl Processes for Redacted {
    fn process(&mut self, pid: u32) -> Option<Found> {
        let mut found = self.0.process(pid)?;
        let mut arguments: Vec<Vec<u8>> = found.argv.iter().map(|argument| argument.to_vec()).collect();
        if self.1.arguments(&mut arguments) > 0 {
            found.argv = arguments.into_iter().map(Into::into).collect();
        }
        Some(found)
    }

    fn session(&mut self, session: u32) -> Option<Login> {
        self.0.session(session)
    }

    fn last_pid(&mut self) -> Option<u32> {
        self.0.last_pid()
    }

    fn boot_ms(&self) -> u64 {
        self.0.boot_ms()
    }
}

impl Resolve for Host {
    fn user(&mut self, id: u32) -> Option<Arc<str>> {
        self.names.as_mut()?.user(id, Instant::now())
    }

    fn group(&mut self, id: u32) -> Option<Arc<str>> {
        self.names.as_mut()?.group(id, Instant::now())
    }

    fn context(&mut self, event: &Event) -> Option<(&Context, Version)> {
        self.observer.as_mut()?.context(event)
    }
}
