//! From the tree to subjects: every place of the configuration with what holds there.

use std::path::Path;
use std::rc::Rc;

use super::answer::answer;
use super::fields::PLACE;
use super::listen::Sockets;
use super::program::Program;
use super::reading::{Default, Reading, argument};
use super::scope::{Found, Level, Scope};
use super::{http, logs, redact, tls, traps};
use crate::facts::{Listing, Subject};
use crate::format::nginx::{Block, Body, Directive, has_variable};
use crate::value::types::word;
use crate::value::{List, Observed, Reason, Value};

/// Places of one configuration.
const MAX_SUBJECTS: usize = 20_000;

/// Every place. One that could not be read as a whole may hold more places.
pub(super) fn subjects(tree: &Block, main: &Path, program: &Program) -> Listing {
    let scope = Scope::new(Level::new(tree));
    let folder = main.parent().unwrap_or(Path::new("/"));
    let mut walk = Walk { folder, program, subjects: Vec::new(), unseen: tree.unseen(), http: None };
    walk.main(&scope, &main.to_string_lossy());
    for directive in &tree.directives {
        let Body::Block(block) = &directive.body else { continue };
        let inside = scope.inside(block);
        match directive.name.as_str() {
            "events" => walk.plain("events", "events", &inside, directive),
            "http" => walk.http(&inside, directive, block),
            "stream" => walk.servers("stream", "stream_server", &inside, directive),
            "mail" => walk.servers("mail", "mail_server", &inside, directive),
            _ => {}
        }
    }
    match walk.unseen {
        Some(reason) => Listing::partial(walk.subjects, reason),
        None => Listing::complete(walk.subjects),
    }
}

struct Walk<'t> {
    folder: &'t Path,
    program: &'t Program,
    subjects: Vec<Subject>,
    /// Why there may be more places.
    unseen: Option<Reason>,
    /// The block of HTTP, which holds zones, formats and upstreams.
    http: Option<&'t Block>,
}

/// The server around a location.
struct Server<'s, 't> {
    level: Rc<Level<'t>>,
    name: String,
    seen: &'s super::listen::Seen,
}

impl<'t> Walk<'t> {
    fn push(&mut self, reading: Reading<'_, '_>) {
        if self.subjects.len() < MAX_SUBJECTS {
            self.subjects.push(reading.finish());
        } else {
            self.unseen = Some(Reason::new(format!("the configuration has more than {MAX_SUBJECTS} places")));
        }
    }

    fn reading<'s>(&mut self, kind: &str, name: &str, scope: &'s Scope<'t>, origin: &str) -> Reading<'s, 't>
    where
        't: 's,
    {
        let mut reading = Reading::new(scope, self.folder, name, origin);
        let own = scope.levels().next();
        reading.put("kind", word(&PLACE, kind));
        reading.put("directives", http::directives(&visible(scope, kind)));
        if let Some(level) = own {
            let mut names: Vec<&str> = http::names(level.block).collect();
            names.sort_unstable();
            names.dedup();
            let items = names.into_iter().map(Observed::from).collect();
            reading.put("sets", Value::List(List { items, more: level.unseen.clone() }));
            self.unseen = self.unseen.take().or_else(|| level.unseen.clone());
        }
        reading
    }

    fn main(&mut self, scope: &Scope<'t>, path: &str) {
        let program = self.program;
        let mut reading = self.reading("main", "nginx", scope, path);
        let version = program.version.clone().map(Value::Version);
        reading.put("version", known(version));
        reading.put("built_with", known(program.arguments.clone().map(Value::from_iter)));
        reading.many("modules", "load_module", |one| vec![one.args.join(" ").into()]);
        user(&mut reading, program);
        let built = |name: &str, what: &str| match program.argument(name) {
            Some(value) => Default::Value(value.into()),
            None => Default::Unknown(Reason::new(format!("its default, {what}, was chosen when nginx was built"))),
        };
        let text = |one: &Directive| argument(one, |text| Some(text.into()));
        reading.one("pid", built("--pid-path", "a file below nginx's prefix"), text);
        reading.one("working_directory", Default::Absent, text);
        logs::errors(&mut reading, program);
        self.push(reading);
    }

    fn plain(&mut self, kind: &str, name: &str, scope: &Scope<'t>, directive: &Directive) {
        let reading = self.reading(kind, name, scope, &directive.place.to_string());
        self.push(reading);
    }

    fn http(&mut self, scope: &Scope<'t>, directive: &'t Directive, block: &'t Block) {
        self.http = Some(block);
        let mut reading = self.reading("http", "http", scope, &directive.place.to_string());
        http::fill(&mut reading, block, self.program);
        tls::fill(&mut reading, self.program);
        self.push(reading);
        self.upstreams(scope, block);
        let servers = servers_of(block);
        let scopes: Vec<Scope<'t>> = servers.iter().map(|(_, block)| scope.inside(block)).collect();
        let sockets = Sockets::new(&scopes, true);
        for (index, ((directive, _), scope)) in servers.iter().zip(&scopes).enumerate() {
            self.server(index, scope, directive, &sockets, block);
        }
    }

    fn upstreams(&mut self, scope: &Scope<'t>, block: &'t Block) {
        for one in block.named("upstream") {
            let Body::Block(inner) = &one.body else { continue };
            let inside = scope.inside(inner);
            let name = one.args.first().map(String::as_str).unwrap_or_default();
            let mut reading = self.reading("upstream", &format!("upstream {name}"), &inside, &one.place.to_string());
            reading.put("path", name);
            let own = inside.own();
            let servers = own.nearest("server");
            reading.many_from("upstream_servers", servers, |one| {
                one.args.first().map(|text| redact::value("", text).into()).into_iter().collect()
            });
            self.push(reading);
        }
    }

    fn server(&mut self, index: usize, scope: &Scope<'t>, directive: &Directive, sockets: &Sockets, http: &'t Block) {
        let Some(level) = scope.levels().next().cloned() else { return };
        let seen = sockets.of(index, scope);
        let name = server_name(&level, &sockets.label(index));
        let mut reading = self.reading("server", &format!("server {name}"), scope, &directive.place.to_string());
        let server = Server { level: Rc::clone(&level), name, seen: &seen };
        self.place_of_http(&mut reading, &server, http);
        tls::fill(&mut reading, self.program);
        reading.put("answer", answer(&level, None));
        reading.put("refuses_hidden", traps::refuses_hidden(&level));
        self.push(reading);
        self.inside(scope, &server, http);
    }

    /// The fields that a server and its locations have alike.
    fn place_of_http(&self, reading: &mut Reading<'_, 't>, server: &Server<'_, 't>, http: &'t Block) {
        http::fill(reading, http, self.program);
        let seen = server.seen;
        for (field, observed) in [
            ("listen", &seen.listen),
            ("tls", &seen.tls),
            ("plain", &seen.plain),
            ("default_server", &seen.default_server),
            ("http2", &seen.http2),
        ] {
            reading.put(field, observed.clone());
        }
        if let Found::Set(found, _) = Scope::new(Rc::clone(&server.level)).nearest("listen") {
            let places: Vec<String> = found.iter().map(|one| one.place.to_string()).collect();
            reading.origin("listen", &places.join(", "));
        }
        reading.put("server_names", server_names(&server.level));
    }

    /// The locations of a server or of a location, and what stands in them.
    fn inside(&mut self, scope: &Scope<'t>, server: &Server<'_, 't>, http: &'t Block) {
        let Some(level) = scope.levels().next().cloned() else { return };
        for one in &level.block.directives {
            let Body::Block(block) = &one.body else { continue };
            let kind = match one.name.as_str() {
                kind @ ("location" | "if" | "limit_except") => kind,
                _ => continue,
            };
            let inside = scope.inside(block);
            let path = redact::arguments(one).join(" ");
            let name = format!("server {} {kind} {path}", server.name);
            let mut reading = self.reading(kind, &name, &inside, &one.place.to_string());
            reading.put("path", path);
            self.place_of_http(&mut reading, server, http);
            // An `if` and a `limit_except` pass on what their location passes on.
            let own = if kind == "location" { inside.own() } else { inside.clone() };
            http::proxy_pass(&mut reading, &own, http);
            if kind == "location" {
                reading.put("alias_escapes", traps::alias_escapes(&inside, one));
                let own = inside.levels().next();
                reading.put("answer", answer(&server.level, own.map(|level| &**level)));
            }
            self.push(reading);
            self.inside(&inside, server, http);
        }
    }

    /// Streams and mail: servers without locations.
    fn servers(&mut self, kind: &str, server: &str, scope: &Scope<'t>, directive: &Directive) {
        self.plain(kind, kind, scope, directive);
        let Some(level) = scope.levels().next().cloned() else { return };
        if kind == "stream" {
            self.upstreams(scope, level.block);
        }
        let servers = servers_of(level.block);
        let scopes: Vec<Scope<'t>> = servers.iter().map(|(_, block)| scope.inside(block)).collect();
        let sockets = Sockets::new(&scopes, false);
        for (index, ((directive, _), scope)) in servers.iter().zip(&scopes).enumerate() {
            let name = format!("{kind} server {}", sockets.label(index));
            let mut reading = self.reading(server, &name, scope, &directive.place.to_string());
            let seen = sockets.of(index, scope);
            reading.put("listen", seen.listen);
            reading.put("tls", seen.tls);
            reading.put("plain", seen.plain);
            tls::fill(&mut reading, self.program);
            reading.flag("proxy_ssl_verify", false);
            http::proxy_pass(&mut reading, &scope.own(), level.block);
            logs::errors(&mut reading, self.program);
            self.push(reading);
        }
    }
}

/// Directives of the main level do not come down into servers.
fn visible<'t>(scope: &Scope<'t>, kind: &str) -> Scope<'t> {
    if kind == "main" { scope.clone() } else { scope.below_main() }
}

fn servers_of<'t>(block: &'t Block) -> Vec<(&'t Directive, &'t Block)> {
    let with_block = |one: &'t Directive| match &one.body {
        Body::Block(block) => Some((one, block)),
        Body::None | Body::Script => None,
    };
    block.named("server").filter_map(with_block).collect()
}

fn server_names(level: &Rc<Level<'_>>) -> Observed {
    let read = |name: &String| match name.as_str() {
        name if !name.starts_with('~') && has_variable(name) => {
            Observed::unknown("a variable, such as the machine's own name, makes it")
        }
        name => name.into(),
    };
    match Scope::new(Rc::clone(level)).nearest("server_name") {
        Found::Unset => Value::from_iter([""]).into(),
        Found::Unseen(reason) => Observed::Unknown(reason),
        Found::Set(found, more) => {
            let items = found.iter().flat_map(|one| &one.args).map(read).collect();
            Value::List(List { items, more }).into()
        }
    }
}

/// A name that tells servers apart: their first name and their ports.
fn server_name(level: &Level<'_>, ports: &str) -> String {
    let first = level.named("server_name").iter().flat_map(|one| &one.args).find(|name| !name.is_empty());
    let name = first.map_or("_", String::as_str);
    if ports.is_empty() { name.to_owned() } else { format!("{name}:{ports}") }
}

fn user(reading: &mut Reading<'_, '_>, program: &Program) {
    let built = |name: &str| match (program.argument(name), &program.arguments) {
        (Some(value), _) => Default::Value(value.into()),
        (None, Ok(_)) => Default::Value("nobody".into()),
        (None, Err(reason)) => Default::Unknown(reason.clone()),
    };
    let found = reading.scope.nearest("user");
    reading.one_from("user", found.clone(), built("--user"), |one| argument(one, |text| Some(text.into())));
    let group = |one: &Directive| Observed::from_option(one.args.get(1).map(String::as_str));
    reading.one_from("group", found, built("--group"), group);
}

fn known(seen: Result<Value, Reason>) -> Observed {
    seen.map_or_else(Observed::Unknown, Observed::Known)
}
