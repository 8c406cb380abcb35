//! The look-up itself, which may block, and the thread that does it.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};
use nix::unistd::{Gid, Group, Uid, User};

/// Longest name kept, in bytes. Linux allows user names of 32; a directory that answers with more than this is not
/// believed, so that it cannot swell every stored event.
pub const NAME_BYTES_MAX: usize = 256;

/// Which ids a number belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Space {
    User,
    Group,
}

/// An id whose name is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) space: Space,
    pub(super) id: u32,
}

/// What was found for a question.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) question: Question,
    pub(super) name: Option<Arc<str>>,
}

/// Names of ids. May block.
pub trait Lookup {
    /// The name of a user id, `None` if there is none or it cannot be found out.
    fn user(&mut self, id: u32) -> Option<String>;
    /// The name of a group id, as [`Lookup::user`].
    fn group(&mut self, id: u32) -> Option<String>;
}

/// The names this host knows, by its name service switch: files, systemd, LDAP and what else it is set up for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Host;

impl Lookup for Host {
    fn user(&mut self, id: u32) -> Option<String> {
        User::from_uid(Uid::from_raw(id)).ok().flatten().map(|user| user.name)
    }

    fn group(&mut self, id: u32) -> Option<String> {
        Group::from_gid(Gid::from_raw(id)).ok().flatten().map(|group| group.name)
    }
}

/// Answers questions until nobody asks any more.
pub(super) fn serve(
    mut lookup: Box<dyn Lookup + Send>,
    asked: &Receiver<Question>,
    answers: &Sender<Answer>,
) {
    for question in asked {
        let name = match question.space {
            Space::User => lookup.user(question.id),
            Space::Group => lookup.group(question.id),
        };
        let name = name.filter(|name| !name.is_empty() && name.len() <= NAME_BYTES_MAX).map(Arc::from);
        if answers.send(Answer { question, name }).is_err() {
            return;
        }
    }
}
