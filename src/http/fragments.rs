//! The parts of answers that are the same for all checks of a generation, rendered once.

use super::json;
use crate::catalogue::{ListNo, MeasureNo};
use crate::live::Generation;

/// See the [module](self). Each worker has its own.
pub(super) struct Fragments {
    /// [`Generation::number`] of the generation these are of.
    generation: u64,
    /// `{"snapshot":…,"change":`
    pub snapshot: Box<[u8]>,
    /// `,"catalogue":…,"behind":`
    pub catalogue: Box<[u8]>,
    lists: Box<[ListFragments]>,
    /// `{"code":…,"name":…,"action":…,"class":…,"basis":…,"list":`
    measures: Box<[Box<[u8]>]>,
}

struct ListFragments {
    /// `{"code":…,"name":…,"kind":…}`
    object: Box<[u8]>,
    /// The code, quoted.
    code: Box<[u8]>,
}

impl Fragments {
    pub fn of(generation: &Generation) -> Fragments {
        let catalogue = &generation.ground.catalogue;
        let meta = generation.ground.index.meta();
        let snapshot = rendered(|out| {
            out.extend_from_slice(b"{\"snapshot\":");
            json::string(&meta.id, out);
            out.extend_from_slice(b",\"change\":");
        });
        let digest = rendered(|out| {
            out.extend_from_slice(b",\"catalogue\":");
            json::string(catalogue.digest(), out);
            out.extend_from_slice(b",\"behind\":");
        });
        let lists = catalogue.lists().iter().map(|list| ListFragments {
            object: rendered(|out| {
                out.extend_from_slice(b"{\"code\":");
                json::string(&list.code, out);
                out.extend_from_slice(b",\"name\":");
                json::string(&list.name, out);
                out.extend_from_slice(b",\"kind\":");
                json::word(list.kind.code(), out);
                out.push(b'}');
            }),
            code: rendered(|out| json::string(&list.code, out)),
        });
        let measures = catalogue.measures().iter().map(|measure| {
            rendered(|out| {
                out.extend_from_slice(b"{\"code\":");
                json::string(&measure.code, out);
                out.extend_from_slice(b",\"name\":");
                json::string(&measure.name, out);
                out.extend_from_slice(b",\"action\":");
                json::word(measure.action.code(), out);
                out.extend_from_slice(b",\"class\":");
                json::recorded(measure.class.map_or("", |class| class.code()), out);
                out.extend_from_slice(b",\"basis\":");
                json::string(&measure.basis, out);
                out.extend_from_slice(b",\"list\":");
            })
        });
        Fragments {
            generation: generation.number(),
            snapshot,
            catalogue: digest,
            lists: lists.collect(),
            measures: measures.collect(),
        }
    }

    pub fn belong_to(&self, generation: &Generation) -> bool {
        self.generation == generation.number()
    }

    pub fn list(&self, list: ListNo) -> &[u8] {
        &self.lists[usize::from(list.0)].object
    }

    pub fn list_code(&self, list: ListNo) -> &[u8] {
        &self.lists[usize::from(list.0)].code
    }

    pub fn measure(&self, measure: MeasureNo) -> &[u8] {
        &self.measures[usize::from(measure.0)]
    }
}

fn rendered(write: impl FnOnce(&mut Vec<u8>)) -> Box<[u8]> {
    let mut out = Vec::new();
    write(&mut out);
    out.into()
}
