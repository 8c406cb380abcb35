//! What this host tells of its events.

use std::sync::Arc;
use std::time::Instant;

use crate::config::Config;
use crate::enrich::context::Context;
use crate::enrich::host::Proc;
use crate::enrich::observe::Observer;
use crate::enrich::{self, EnrichError, Enricher, lookup};
use crate::entry::Resolve;
use crate::event::Event;

/// Names and contexts for the encoder, as far as they are wanted.
pub(super) struct Host {
    names: Option<Enricher>,
    observer: Option<Observer>,
}

impl Host {
    /// Starts the threads that look things up.
    pub(super) fn new(config: &Config) -> Result<Host, EnrichError> {
        let names = || Enricher::new(enrich::Config::default(), Box::new(lookup::Host));
        let observer = || {
            let host = Proc::new(config.enrich.environment.clone());
            Observer::new(config.enrich.clone(), Box::new(host))
        };
        Ok(Host {
            names: config.names.then(names).transpose()?,
            observer: (!config.enrich.is_off()).then(observer).transpose()?,
        })
    }
}

impl Resolve for Host {
    fn user(&mut self, id: u32) -> Option<Arc<str>> {
        self.names.as_mut()?.user(id, Instant::now())
    }

    fn group(&mut self, id: u32) -> Option<Arc<str>> {
        self.names.as_mut()?.group(id, Instant::now())
    }

    fn context(&mut self, event: &Event) -> Option<&Context> {
        self.observer.as_mut()?.context(event)
    }
}
