//! Whom the routes ask.

use super::gate::Refusals;
use crate::audit::Log;
use crate::clients::Clients;
use crate::herald::Herald;
use crate::jobs::Jobs;
use crate::live::{Live, Loader, Recorder};
use crate::traces::Traces;

/// The view that answers, and who changes it. Cloning shares.
#[derive(Clone)]
pub struct Desk {
    /// What checks are decided on.
    pub live: Live,
    /// Takes changes; none where a snapshot is served and nothing else.
    pub recorder: Option<Recorder>,
    /// Refreshes the lists; none where nothing is loaded.
    pub loader: Option<Loader>,
    /// Takes files; none where nobody works on them.
    pub jobs: Option<Jobs>,
    /// Where every answer is recorded; without one no answer has a receipt.
    pub audit: Option<Log>,
    /// Sends recalls to clients; none where nobody is told.
    pub herald: Option<Herald>,
    /// Where requests are traced; none where they are not.
    pub traces: Option<Traces>,
    /// Who may ask.
    pub clients: Clients,
    /// How many were not let in.
    pub refusals: Refusals,
}

impl From<Live> for Desk {
    /// A view that nobody changes, and of which whoever reaches it may ask everything.
    fn from(live: Live) -> Desk {
        Desk {
            live,
            recorder: None,
            loader: None,
            jobs: None,
            audit: None,
            herald: None,
            traces: None,
            clients: Clients::default(),
            refusals: Refusals::default(),
        }
    }
}
