//! The walk over the entries: for each plane, what every entry still decides when its turn comes.

use std::collections::HashMap;

use super::super::cidr::Family;
use super::super::decide::{Context, Decision, Transport, decide, transport_matches};
use super::super::types::{ClientCert, Hba, Method};
use super::compile::{Compiled, Compiler, Fields, OTHER, whole};
use super::names::{DbKey, NameId, Names, RoleKey};
use super::pairs::Pairs;
use super::plane::{Lists, Plane, Point};
use super::spans::{Progress, Span, Spans, first_gap, intersect};
use super::{Access, Class, Dead, Scope};

/// Elementary steps before the search gives up.
const BUDGET: u64 = 40_000_000;
/// Entries looked at for uncertain witnesses.
const DECIDE_BUDGET: usize = 4_000_000;
/// Pairs of tokens up to which the fields are looked at before the names.
const FEW_FIELDS: usize = 4;
const GAVE_UP: &str = "the file is too intertwined to be searched in full";
const SHADOWED: &str = "an earlier line that cannot be judged may decide";
const EXPRESSION: &str = "a regular expression leaves open which names there are";
const NOT_UTF8: &str = "a name is not UTF-8";

/// One plane with the kind of connection it is about.
struct Layer {
    transport: Transport,
    family: Option<Family>,
    replication: bool,
    plane: Plane,
}

/// What the search for an entry found in one cell.
enum Found {
    /// A point it decides.
    Yes(Witness),
    /// No such point.
    No,
    /// Perhaps one, by this reason.
    Unsure(&'static str),
}

type Witness = (NameId, NameId, u128);

/// Who is asking for a place: an entry, or the end of the file.
struct Claim<'a> {
    entry: Option<usize>,
    lists: Lists<'a>,
    spans: Vec<Span>,
    outcome: u32,
    pairs: &'a Pairs,
}

pub(super) struct Scan<'a> {
    hba: &'a Hba,
    context: &'a Context<'a>,
    names: Names,
    steps: u64,
    progress: Progress,
    decided: usize,
    replication_name: NameId,
    /// Some name may match an expression or not.
    doubtful: bool,
    points: HashMap<(NameId, NameId, bool), Point>,
    classes: Vec<Class>,
    lives: Vec<Life>,
}

/// What became of an entry.
#[derive(Default, Clone)]
struct Life {
    decides: bool,
    unsure: Option<String>,
}

impl<'a> Scan<'a> {
    pub(super) fn new(hba: &'a Hba, context: &'a Context<'a>) -> Self {
        let mut names = Names::new(hba, context.catalog);
        let replication_name = names.id(&"".into());
        let lives = vec![Life::default(); hba.entries.len()];
        let (points, classes) = (HashMap::new(), Vec::new());
        Self {
            hba,
            context,
            names,
            steps: 0,
            progress: Progress::default(),
            decided: 0,
            replication_name,
            doubtful: true,
            points,
            classes,
            lives,
        }
    }

    pub(super) fn run(mut self) -> Access {
        let compiled = Compiler::new(self.context, &mut self.names).all(self.hba);
        self.doubtful = self.names.has_doubtful();
        let mut layers = layers();
        for (index, entry) in compiled.iter().enumerate() {
            self.cut(index, &mut layers);
            self.entry(index, entry, &mut layers);
        }
        self.cut(compiled.len(), &mut layers);
        self.end(&mut layers);
        let dead = self.dead();
        let (roles_known, databases_known) = (self.names.roles.closed, self.names.databases.closed);
        Access { classes: self.classes, dead, roles_known, databases_known }
    }

    fn dead(&self) -> Vec<Dead> {
        let not_utf8 =
            |index: usize| self.hba.entries.get(index).is_some_and(super::super::types::Entry::has_raw_names);
        let idle = self.lives.iter().enumerate().filter(|(_, life)| !life.decides);
        let dead = idle.map(|(entry, life)| {
            let unknown = life.unsure.clone().or_else(|| not_utf8(entry).then(|| NOT_UTF8.to_owned()));
            Dead { entry, unknown }
        });
        dead.collect()
    }

    /// From here on, lines that were not read may have decided.
    fn cut(&mut self, index: usize, layers: &mut [Layer]) {
        if self.hba.cut.as_ref().is_none_or(|c| c.before != index) {
            return;
        }
        let all = Fields::all();
        for layer in layers {
            let spans = layer.spans(&all);
            layer.plane.perhaps.entry(OTHER).or_default().insert(all.lists(), &spans);
        }
    }

    fn entry(&mut self, index: usize, entry: &Compiled, layers: &mut [Layer]) {
        let named = Pairs::new(&self.names, &entry.certain.databases, &entry.certain.roles);
        let walsender = match entry.replication {
            true => Pairs::replication(&self.names, &entry.certain.roles, self.replication_name),
            false => Pairs::default(),
        };
        for layer in layers.iter_mut().filter(|l| transport_matches(entry.conn, l.transport)) {
            if layer.replication && !entry.replication {
                continue;
            }
            let pairs = if layer.replication { &walsender } else { &named };
            let lists = layer.lists(&entry.certain);
            let spans = layer.spans(&entry.certain);
            let claim = Claim { entry: Some(index), lists, spans, outcome: entry.outcome, pairs };
            self.claim(layer, &claim);
            layer.plane.certain.insert(lists, &claim.spans);
            self.perhaps(index, entry, layer);
        }
    }

    /// The part of an entry that it may match.
    fn perhaps(&mut self, index: usize, entry: &Compiled, layer: &mut Layer) {
        let Some((fields, reason)) = &entry.perhaps else { return };
        let reason = match layer.replication {
            true => entry.perhaps_replication,
            false => Some(*reason),
        };
        let Some(reason) = reason else { return };
        let pairs = match layer.replication {
            true => Pairs::replication(&self.names, &fields.roles, self.replication_name),
            false => Pairs::new(&self.names, &fields.databases, &fields.roles),
        };
        let lists = layer.lists(fields);
        let spans = layer.spans(fields);
        let claim = Claim { entry: Some(index), lists, spans, outcome: entry.outcome, pairs: &pairs };
        for (scope, superuser) in self.cells(layer) {
            let claimed = clip(&claim.spans, scope, layer.family);
            match self.search(layer, &claim, &claimed, superuser, false) {
                Found::Yes(witness) => self.uncertain(layer, scope, superuser, &claim, witness, reason),
                Found::No => {}
                Found::Unsure(why) => self.gave_up(layer, scope, superuser, &claim, &claimed, why),
            }
        }
        layer.plane.perhaps.entry(entry.outcome.max(1)).or_default().insert(lists, &claim.spans);
    }

    /// What no entry decides.
    fn end(&mut self, layers: &mut [Layer]) {
        let named = Pairs::new(&self.names, &[DbKey::Any], &[RoleKey::Any]);
        let walsender = Pairs::replication(&self.names, &[RoleKey::Any], self.replication_name);
        let all = Fields::all();
        for layer in layers {
            let pairs = if layer.replication { &walsender } else { &named };
            let spans = layer.spans(&all);
            let claim = Claim { entry: None, lists: all.lists(), spans, outcome: OTHER, pairs };
            self.claim(layer, &claim);
        }
    }

    /// Who asks: superusers apart from others when roles are known.
    fn cells(&self, layer: &Layer) -> Vec<(Scope, Option<bool>)> {
        let scopes: &[Scope] = match layer.family {
            None => &[Scope::Local],
            Some(_) => &[Scope::Loopback, Scope::Remote],
        };
        let kinds: &[Option<bool>] = if self.names.roles_known { &[Some(false), Some(true)] } else { &[None] };
        scopes.iter().flat_map(|s| kinds.iter().map(move |k| (*s, *k))).collect()
    }

    fn claim(&mut self, layer: &Layer, claim: &Claim) {
        for (scope, superuser) in self.cells(layer) {
            let spans = clip(&claim.spans, scope, layer.family);
            match self.search(layer, claim, &spans, superuser, true) {
                Found::Yes(witness) => {
                    let decision = self.outcome(claim.entry);
                    self.emit(layer, scope, superuser, witness, decision, claim.entry);
                    continue;
                }
                Found::No if layer.plane.perhaps.is_empty() && !self.doubtful => continue,
                Found::No | Found::Unsure(_) => {}
            }
            match self.search(layer, claim, &spans, superuser, false) {
                Found::Yes(witness) => self.uncertain(layer, scope, superuser, claim, witness, SHADOWED),
                Found::No => {}
                Found::Unsure(why) => self.gave_up(layer, scope, superuser, claim, &spans, why),
            }
        }
    }

    fn outcome(&self, entry: Option<usize>) -> Decision {
        match entry.and_then(|e| Some((e, self.hba.entries.get(e)?.method))) {
            None => Decision::NoMatch,
            Some((entry, Method::Reject)) => Decision::Reject { entry },
            Some((entry, method)) => Decision::Allow { method, entry },
        }
    }

    /// A point of the claim that nothing earlier decides; with `surely`, nor may decide otherwise.
    fn search(&mut self, layer: &Layer, claim: &Claim, spans: &[Span], superuser: Option<bool>, surely: bool) -> Found {
        if spans.is_empty() || layer.plane.certain.same_lists_cover(claim.lists.id, spans) {
            return Found::No;
        }
        let few = claim.lists.databases.len().saturating_mul(claim.lists.roles.len()) <= FEW_FIELDS;
        if few && self.fields_taken(layer, claim, spans) {
            return Found::No;
        }
        for (database, role) in claim.pairs.iter(&self.names, superuser) {
            if self.steps > BUDGET {
                return Found::Unsure(GAVE_UP);
            }
            let names = &self.names;
            let key = (database, role, layer.replication);
            let point = self.points.entry(key).or_insert_with(|| point(names, database, role, layer.replication));
            let mut sets = layer.plane.certain_sets(point, &mut self.steps);
            if surely {
                sets.extend(layer.plane.perhaps_sets(point, claim.outcome, &mut self.steps));
            }
            for span in spans {
                if let Some(at) = gap(&sets, *span, layer.family, &mut self.progress, &mut self.steps) {
                    return Found::Yes((database, role, at));
                }
            }
        }
        match claim.pairs.complete || (!few && self.fields_taken(layer, claim, spans)) {
            true => Found::No,
            false => Found::Unsure(EXPRESSION),
        }
    }

    /// Whether earlier entries with the same or wider fields took all of it, whatever the names.
    fn fields_taken(&mut self, layer: &Layer, claim: &Claim, spans: &[Span]) -> bool {
        let lists = claim.lists;
        let pairs = lists.databases.iter().flat_map(|d| lists.roles.iter().map(move |r| (*d, *r)));
        for (db, role) in pairs {
            let point = Point {
                databases: vec![(DbKey::Any, true), (db, true)],
                roles: vec![(RoleKey::Any, true), (role, true)],
            };
            let sets = layer.plane.certain_sets(&point, &mut self.steps);
            let (progress, steps) = (&mut self.progress, &mut self.steps);
            if spans.iter().any(|s| first_gap(&sets, *s, progress, steps).is_some()) || self.steps > BUDGET {
                return false;
            }
        }
        true
    }

    /// A point of which it is not known whether the claim decides it.
    fn uncertain(
        &mut self,
        layer: &Layer,
        scope: Scope,
        superuser: Option<bool>,
        claim: &Claim,
        witness: Witness,
        reason: &str,
    ) {
        self.unsure(claim.entry, reason);
        let fallback = Decision::Unknown { reason: reason.to_owned(), entry: claim.entry };
        let mut class = self.class(layer, scope, superuser, witness, fallback, claim.entry);
        if self.decided <= DECIDE_BUDGET {
            self.decided += self.hba.entries.len();
            class.decision = decide(self.hba, self.context, &class.question());
        }
        // a known answer is the class of another entry that asks the same of the client
        if matches!(class.decision, Decision::Unknown { .. }) {
            self.classes.push(class);
        }
    }

    /// The search was not finished: says so where the entry may decide. The witness is only a place
    /// to look at.
    fn gave_up(
        &mut self,
        layer: &Layer,
        scope: Scope,
        superuser: Option<bool>,
        claim: &Claim,
        spans: &[Span],
        why: &'static str,
    ) {
        self.unsure(claim.entry, why);
        let pair = claim.pairs.iter(&self.names, superuser).next();
        let none = (self.replication_name, self.replication_name);
        let ((database, role), Some(span)) = (pair.unwrap_or(none), spans.first()) else { return };
        let decision = Decision::Unknown { reason: why.to_owned(), entry: claim.entry };
        self.emit(layer, scope, superuser, (database, role, span.0), decision, claim.entry);
    }

    fn unsure(&mut self, entry: Option<usize>, why: &str) {
        if let Some(life) = entry.and_then(|e| self.lives.get_mut(e)) {
            life.unsure.get_or_insert_with(|| why.to_owned());
        }
    }

    fn emit(
        &mut self,
        layer: &Layer,
        scope: Scope,
        superuser: Option<bool>,
        witness: Witness,
        decision: Decision,
        entry: Option<usize>,
    ) {
        if let Some(life) = entry.and_then(|e| self.lives.get_mut(e)) {
            life.decides |= !matches!(decision, Decision::Unknown { .. });
        }
        let class = self.class(layer, scope, superuser, witness, decision, entry);
        self.classes.push(class);
    }

    fn class(
        &self,
        layer: &Layer,
        scope: Scope,
        superuser: Option<bool>,
        witness: Witness,
        decision: Decision,
        entry: Option<usize>,
    ) -> Class {
        let (database, role, at) = witness;
        let line = entry.and_then(|e| self.hba.entries.get(e));
        Class {
            transport: layer.transport,
            scope,
            family: layer.family,
            replication: layer.replication,
            role_superuser: superuser,
            database: (!layer.replication).then(|| self.names.text(database)),
            role: self.names.text(role),
            address: layer.family.map(|f| f.address(at)),
            decision,
            entry,
            method: line.map(|l| l.method),
            client_cert: line.map_or(ClientCert::None, |l| l.client_cert),
            file: line.map(|l| l.file.clone()),
            line: line.map(|l| l.line),
            text: line.map(|l| l.text.clone()),
        }
    }
}

impl Layer {
    fn spans(&self, fields: &Fields) -> Vec<Span> {
        match self.family {
            None => vec![(0, 0)],
            Some(Family::V4) => fields.v4.clone(),
            Some(Family::V6) => fields.v6.clone(),
        }
    }

    fn lists<'f>(&self, fields: &'f Fields) -> Lists<'f> {
        match self.replication {
            true => Lists { databases: &[DbKey::Any], ..fields.lists() },
            false => fields.lists(),
        }
    }
}

fn layers() -> Vec<Layer> {
    let mut all = Vec::new();
    for replication in [false, true] {
        all.push(Layer { transport: Transport::Local, family: None, replication, plane: Plane::default() });
        for transport in [Transport::Tls, Transport::Plain, Transport::Gss] {
            for family in [Family::V4, Family::V6] {
                all.push(Layer { transport, family: Some(family), replication, plane: Plane::default() });
            }
        }
    }
    all
}

fn point(names: &Names, database: NameId, role: NameId, replication: bool) -> Point {
    let databases = match replication {
        true => vec![(DbKey::Any, true)],
        false => names.db_keys(database, role),
    };
    Point { databases, roles: names.role_keys(role) }
}

/// The addresses of a scope.
fn clip(spans: &[Span], scope: Scope, family: Option<Family>) -> Vec<Span> {
    let loopback: Span = match family {
        None => return spans.to_vec(),
        Some(Family::V4) => (0x7f00_0000, 0x7fff_ffff),
        Some(Family::V6) => (1, 1),
    };
    let parts = match scope {
        Scope::Loopback => vec![loopback],
        Scope::Local | Scope::Remote => {
            let top = family.map_or(Vec::new(), whole).first().map_or(0, |w| w.1);
            vec![(0, loopback.0 - 1), (loopback.1 + 1, top)]
        }
    };
    spans.iter().flat_map(|s| parts.iter().filter_map(|p| intersect(*s, *p))).collect()
}

/// The first free address, an ordinary-looking one if there is a choice.
fn gap(sets: &[&Spans], span: Span, family: Option<Family>, progress: &mut Progress, steps: &mut u64) -> Option<u128> {
    let preferred: &[u128] = match family {
        None => &[],
        Some(Family::V4) => &[0x7f00_0001, 0xcb00_7107],
        Some(Family::V6) => &[0x2001_0db8 << 96 | 7],
    };
    let inside = preferred.iter().copied().filter(|p| (span.0..=span.1).contains(p));
    let mut free = inside.filter(|p| sets.iter().all(|s| s.end_of(*p).is_none()));
    *steps += 1;
    free.next().or_else(|| first_gap(sets, span, progress, steps))
}
