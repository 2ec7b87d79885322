//! The names that matter: those that the file tells apart, and one for all it does not.
//!
//! A name that no token mentions is matched by the fewest entries, so if even that one is covered,
//! every name is: one fresh name stands for all others (without a catalog), or one existing name
//! of each kind stands for its like (with one).

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use super::super::catalog::Catalog;
use super::super::decide::NAME_LIMIT;
use super::super::pattern::Pattern;
use super::super::types::{DbToken, Hba, RoleToken};
use super::alike::{Alike, Kind, Side};

/// Index into the name table; the same text has the same id as database and as role.
pub(super) type NameId = u32;

/// How an entry's database field can match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum DbKey {
    Any,
    Name(NameId),
    SameUser,
    SameRole,
    Regex(u32),
}

/// How an entry's user field can match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum RoleKey {
    Any,
    Name(NameId),
    Group(NameId),
    Regex(u32),
}

/// The names to try in one dimension for `all`.
#[derive(Debug, Default)]
pub(super) struct Universe {
    /// Names from a complete list; otherwise any name is possible.
    pub(super) closed: bool,
    /// Every name of a complete list.
    pub(super) known: HashSet<NameId>,
    /// Enough of them for `all`, the least mentioned first.
    pub(super) all: Vec<NameId>,
    /// The fresh name is matched by an expression, so that it need not be the least covered one.
    pub(super) blurred: bool,
}

/// Expressions that a name matches, and whether certainly.
type Hits = Rc<[(u32, bool)]>;

/// All names, interned, with what the catalog says of them.
pub(super) struct Names {
    texts: Vec<Arc<str>>,
    ids: HashMap<Arc<str>, NameId>,
    patterns: Vec<Arc<Pattern>>,
    hits: RefCell<HashMap<NameId, Hits>>,
    pattern_ids: HashMap<String, u32>,
    /// Groups that the file mentions.
    groups: HashSet<NameId>,
    memberships: HashMap<NameId, Arc<[NameId]>>,
    /// Roles that can log in, by the mentioned groups that they are members of.
    members: HashMap<NameId, Vec<NameId>>,
    correlated: bool,
    pub(super) databases: Universe,
    pub(super) roles: Universe,
    pub(super) superusers: HashSet<NameId>,
    pub(super) roles_known: bool,
    /// Names in the file, for expressions to be tried on.
    literal_databases: BTreeSet<NameId>,
    literal_roles: BTreeSet<NameId>,
    alike: Alike,
}

impl Names {
    pub(super) fn new(hba: &Hba, catalog: &Catalog) -> Self {
        let mut names = Self {
            texts: Vec::new(),
            ids: HashMap::new(),
            patterns: Vec::new(),
            hits: RefCell::default(),
            pattern_ids: HashMap::new(),
            groups: HashSet::new(),
            memberships: HashMap::new(),
            members: HashMap::new(),
            correlated: false,
            databases: Universe::default(),
            roles: Universe::default(),
            superusers: HashSet::new(),
            roles_known: catalog.roles().is_some(),
            literal_databases: BTreeSet::new(),
            literal_roles: BTreeSet::new(),
            alike: Alike::default(),
        };
        names.read_file(hba);
        names.read_catalog(catalog);
        names.databases = names.universe_of_databases(catalog);
        names.roles = names.universe_of_roles(catalog);
        names
    }

    pub(super) fn id(&mut self, text: &Arc<str>) -> NameId {
        if let Some(id) = self.ids.get(text) {
            return *id;
        }
        let id = NameId::try_from(self.texts.len()).unwrap_or(NameId::MAX);
        self.texts.push(text.clone());
        self.ids.insert(text.clone(), id);
        id
    }

    pub(super) fn text(&self, id: NameId) -> Arc<str> {
        self.texts.get(id as usize).cloned().unwrap_or_else(|| "".into())
    }

    pub(super) fn pattern(&mut self, pattern: &Arc<Pattern>) -> u32 {
        if let Some(id) = self.pattern_ids.get(pattern.text()) {
            return *id;
        }
        let id = u32::try_from(self.patterns.len()).unwrap_or(u32::MAX);
        self.patterns.push(pattern.clone());
        pattern.examples().iter().for_each(|e| {
            self.id(e);
        });
        self.pattern_ids.insert(pattern.text().to_owned(), id);
        id
    }

    fn read_file(&mut self, hba: &Hba) {
        for (index, entry) in (0u32..).zip(&hba.entries) {
            for token in &entry.databases {
                match token {
                    DbToken::Name(name) => {
                        let id = self.id(name);
                        self.literal_databases.insert(id);
                        self.alike.mention(Side::Database, id, index);
                    }
                    DbToken::Regex(p) if p.is_known() && !p.is_universal() => drop(self.pattern(p)),
                    DbToken::SameUser | DbToken::SameRole => self.correlated = true,
                    DbToken::All | DbToken::Replication | DbToken::Regex(_) | DbToken::NotUtf8 => {}
                }
            }
            for token in &entry.roles {
                match token {
                    RoleToken::Name(name) => {
                        let id = self.id(name);
                        self.literal_roles.insert(id);
                        self.alike.mention(Side::Role, id, index);
                    }
                    RoleToken::Group(name) => {
                        let id = self.id(name);
                        self.groups.insert(id);
                    }
                    RoleToken::Regex(p) if p.is_known() && !p.is_universal() => drop(self.pattern(p)),
                    RoleToken::All | RoleToken::Regex(_) | RoleToken::NotUtf8 => {}
                }
            }
        }
    }

    fn read_catalog(&mut self, catalog: &Catalog) {
        for role in catalog.roles().unwrap_or_default() {
            let id = self.id(&role.name);
            if role.superuser {
                self.superusers.insert(id);
            }
            if self.correlated || !self.groups.is_empty() {
                let closure: Arc<[NameId]> = catalog.memberships(&role.name).iter().map(|g| self.id(g)).collect();
                let groups = closure.iter().filter(|g| role.login && self.groups.contains(*g));
                for group in groups {
                    self.members.entry(*group).or_default().push(id);
                }
                self.memberships.insert(id, closure);
            }
        }
        for database in catalog.databases().unwrap_or_default() {
            self.id(database);
        }
    }

    fn universe_of_databases(&mut self, catalog: &Catalog) -> Universe {
        let Some(list) = catalog.databases() else { return self.open("some_database") };
        let known: HashSet<NameId> = list.iter().filter_map(|d| self.ids.get(d).copied()).collect();
        let roles: HashSet<NameId> = match (self.correlated, catalog.roles()) {
            (true, Some(roles)) => roles.iter().filter_map(|r| self.ids.get(&r.name).copied()).collect(),
            _ => HashSet::new(),
        };
        let special = |id: &NameId| self.correlated && (self.is_literal(*id) || roles.contains(id));
        let all = self.representatives(&known, special, Side::Database);
        Universe { closed: true, known, all, blurred: false }
    }

    fn universe_of_roles(&mut self, catalog: &Catalog) -> Universe {
        let Some(list) = catalog.roles() else { return self.open("some_role") };
        let login = list.iter().filter(|r| r.login);
        let known: HashSet<NameId> = login.filter_map(|r| self.ids.get(&r.name).copied()).collect();
        let databases = &self.databases.known;
        let correlated = |id: &NameId| {
            self.literal_databases.contains(id)
                || self.memberships(*id).iter().any(|g| databases.contains(g) || self.literal_databases.contains(g))
        };
        let special = |id: &NameId| self.correlated && (self.is_literal(*id) || correlated(id));
        let all = self.representatives(&known, special, Side::Role);
        Universe { closed: true, known, all, blurred: false }
    }

    fn is_literal(&self, id: NameId) -> bool {
        self.literal_databases.contains(&id) || self.literal_roles.contains(&id)
    }

    /// One name of each kind, the least mentioned first, then all that stand for themselves.
    fn representatives(&self, known: &HashSet<NameId>, special: impl Fn(&NameId) -> bool, side: Side) -> Vec<NameId> {
        let mut ids: Vec<NameId> = known.iter().copied().collect();
        ids.sort_unstable_by(|a, b| self.texts.get(*a as usize).cmp(&self.texts.get(*b as usize)));
        let (told_apart, rest): (Vec<NameId>, Vec<NameId>) = ids.into_iter().partition(|id| special(id));
        let mut kinds: BTreeMap<(usize, Kind), NameId> = BTreeMap::new();
        for id in rest {
            let kind = self.kind(side, id);
            kinds.entry((kind.weight(), kind)).or_insert(id);
        }
        kinds.into_values().chain(told_apart).collect()
    }

    fn kind(&self, side: Side, id: NameId) -> Kind {
        let groups = self.memberships(id).iter().copied().filter(|g| side == Side::Role && self.groups.contains(g));
        let mut groups: Vec<NameId> = groups.collect();
        groups.sort_unstable();
        let superuser = side == Side::Role && self.superusers.contains(&id);
        Kind { mentions: self.alike.mentions(side, id), groups, patterns: self.pattern_hits(id).collect(), superuser }
    }

    /// One of each kind of these names, where nothing ties databases to roles.
    pub(super) fn one_of_each(&self, side: Side, ids: &mut Vec<NameId>) {
        if self.correlated || ids.len() < 2 {
            return;
        }
        let mut seen = HashSet::new();
        ids.retain(|id| seen.insert(self.alike.number(side, *id, || self.kind(side, *id))));
    }

    /// A name that nothing mentions.
    fn open(&mut self, stem: &str) -> Universe {
        let candidates = (0..40u32).map(|n| match n {
            0 => stem.to_owned(),
            1..20 => format!("{stem}_{n}"),
            _ => format!(
                "{}q{n}z",
                ["x", "Q", "7", "-", "_"].get(n as usize % 5).unwrap_or(&"x").repeat(1 + n as usize / 10)
            ),
        });
        let mut chosen: Option<(usize, Arc<str>)> = None;
        for text in candidates.chain((40..).map(|n: u64| format!("{stem}_{n}"))).take(self.texts.len() + 50) {
            if self.ids.contains_key(text.as_str()) {
                continue;
            }
            let hits = self.patterns.iter().filter(|p| p.matches(&text) != Some(false)).count();
            if chosen.as_ref().is_none_or(|(best, _)| hits < *best) {
                chosen = Some((hits, text.into()));
            }
            if hits == 0 || self.patterns.len() > 1000 {
                break;
            }
        }
        let (hits, text) = chosen.unwrap_or((1, stem.into()));
        let id = self.id(&text);
        Universe { closed: false, known: HashSet::new(), all: vec![id], blurred: hits > 0 }
    }

    /// Some name may match an expression or not.
    pub(super) fn has_doubtful(&self) -> bool {
        !self.patterns.is_empty() && self.texts.iter().any(|t| !t.is_ascii())
    }

    pub(super) fn memberships(&self, role: NameId) -> &[NameId] {
        self.memberships.get(&role).map_or(&[], |m| m)
    }

    /// The fields that a role matches; false where that is not certain.
    pub(super) fn role_keys(&self, role: NameId) -> Vec<(RoleKey, bool)> {
        let mut keys = vec![(RoleKey::Any, true), (RoleKey::Name(role), true)];
        let groups = self.memberships(role).iter().filter(|g| self.groups.contains(*g));
        keys.extend(groups.map(|g| (RoleKey::Group(*g), true)));
        keys.extend(self.pattern_hits(role).map(|(p, sure)| (RoleKey::Regex(p), sure)));
        keys
    }

    /// The fields that a database matches when this role asks for it.
    pub(super) fn db_keys(&self, database: NameId, role: NameId) -> Vec<(DbKey, bool)> {
        let mut keys = vec![(DbKey::Any, true), (DbKey::Name(database), true)];
        if self.correlated {
            keys.extend((database == role).then_some((DbKey::SameUser, true)));
            keys.extend(self.memberships(role).contains(&database).then_some((DbKey::SameRole, true)));
        }
        keys.extend(self.pattern_hits(database).map(|(p, sure)| (DbKey::Regex(p), sure)));
        keys
    }

    /// The expressions that a name matches; false where PostgreSQL may see it otherwise.
    fn pattern_hits(&self, name: NameId) -> impl Iterator<Item = (u32, bool)> + use<> {
        let hits = self.hits.borrow_mut().entry(name).or_insert_with(|| self.try_patterns(name)).clone();
        (0..hits.len()).filter_map(move |i| hits.get(i).copied())
    }

    fn try_patterns(&self, name: NameId) -> Hits {
        let text = self.text(name);
        let numbered = (0u32..).zip(&self.patterns);
        let hits = numbered.filter_map(|(id, p)| match p.matches(&text) {
            Some(false) => None,
            sure => Some((id, sure.is_some())),
        });
        hits.collect()
    }

    /// Names to try for one database token; false when there may be others.
    pub(super) fn databases_for(&self, key: DbKey) -> (Vec<NameId>, bool) {
        match key {
            DbKey::Any => self.everything(&self.databases, &self.literal_databases),
            DbKey::Name(id) => (self.one(&self.databases, id), true),
            DbKey::Regex(p) => self.matching(&self.databases, &self.literal_databases, p),
            DbKey::SameUser | DbKey::SameRole => (Vec::new(), true),
        }
    }

    /// Names to try for one user token; false when there may be others.
    pub(super) fn roles_for(&self, key: RoleKey) -> (Vec<NameId>, bool) {
        match key {
            RoleKey::Any => self.everything(&self.roles, &self.literal_roles),
            RoleKey::Name(id) => (self.one(&self.roles, id), true),
            RoleKey::Regex(p) => self.matching(&self.roles, &self.literal_roles, p),
            RoleKey::Group(group) => (self.members.get(&group).cloned().unwrap_or_default(), true),
        }
    }

    fn everything(&self, universe: &Universe, literals: &BTreeSet<NameId>) -> (Vec<NameId>, bool) {
        let mut all = universe.all.clone();
        if universe.blurred {
            all.extend(literals.iter().copied().filter(|id| self.usable(*id)));
        }
        (all, !universe.blurred)
    }

    fn one(&self, universe: &Universe, id: NameId) -> Vec<NameId> {
        let exists = if universe.closed { universe.known.contains(&id) } else { self.usable(id) };
        exists.then_some(id).into_iter().collect()
    }

    fn matching(&self, universe: &Universe, literals: &BTreeSet<NameId>, pattern: u32) -> (Vec<NameId>, bool) {
        let Some(pattern) = self.patterns.get(pattern as usize) else { return (Vec::new(), true) };
        let hit = |id: &NameId| pattern.matches(&self.text(*id)) == Some(true);
        let from: Vec<NameId> = match universe.closed {
            true if self.correlated => universe.known.iter().copied().collect(),
            true => universe.all.clone(),
            false => universe.all.iter().chain(literals).copied().filter(|id| self.usable(*id)).collect(),
        };
        let mut found: Vec<NameId> = from.into_iter().filter(hit).collect();
        found.sort_unstable();
        if !universe.closed {
            let examples = pattern.examples().iter().filter_map(|e| self.ids.get(e).copied());
            found.extend(examples.filter(|id| self.usable(*id)));
        }
        (found, universe.closed)
    }

    /// A client can send this name and the server will compare all of it.
    pub(super) fn usable(&self, id: NameId) -> bool {
        let text = self.text(id);
        !text.is_empty() && text.len() <= NAME_LIMIT && !text.contains('\0')
    }
}
