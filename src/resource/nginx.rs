//! `nginx`: what nginx's configuration means in each of its places, after includes and inheritance.

mod answer;
mod fields;
mod files;
mod http;
mod listen;
mod logs;
mod program;
mod reading;
mod redact;
mod scope;
#[cfg(test)]
mod tests;
mod tls;
mod traps;
mod walk;

use std::path::{Path, PathBuf};

use super::{Accepts, Param, Resource, With, text};
use crate::facts::Listing;
use crate::format::nginx::{Trouble, Unread, read};
use crate::target::host::{self, Host};
use crate::target::{Door, Kind};
use crate::value::Reason;
use files::{Dump, HostFiles};
use program::Program;

/// Where the main file is, by distributions, by nginx's own Makefile and by OpenResty.
const MAINS: [&str; 5] = [
    "/etc/nginx/nginx.conf",
    "/usr/local/nginx/conf/nginx.conf",
    "/usr/local/etc/nginx/nginx.conf",
    "/usr/local/openresty/nginx/conf/nginx.conf",
    "/opt/nginx/conf/nginx.conf",
];
/// Bytes of what `nginx -T` wrote.
const MAX_DUMP: u64 = 64 << 20;

pub(crate) static NGINX: Resource = Resource {
    name: "nginx",
    about: "The places of nginx's configuration (main, http, each server, each location …) with the values that hold there after includes, inheritance and nginx's own defaults.",
    privilege: "read permission for nginx.conf and all that it includes",
    params: &[
        Param {
            name: "config",
            accepts: Accepts::Text,
            required: false,
            about: "the main file; when not given, the first of /etc/nginx/nginx.conf, those of nginx's own Makefile, OpenResty's",
        },
        Param {
            name: "dump",
            accepts: Accepts::Text,
            required: false,
            about: "instead of `config`: a file with what `nginx -T` wrote, from a container for example",
        },
        Param {
            name: "program",
            accepts: Accepts::Text,
            required: false,
            about: "nginx's program, for its version and build; the usual places when not given",
        },
    ],
    fields: fields::FIELDS,
    can_be_absent: true,
    target: |_| Kind::Host,
    observe: |door, with| Box::pin(observe(door, with)),
};

async fn observe(door: &Door, with: &With) -> Listing {
    let Door::Host(host) = door else { return Listing::failed(Reason::new("nginx's files are read on a host")) };
    let with = with.clone();
    host.run(move |host| look(host, &with)).await.unwrap_or_else(Listing::failed)
}

fn look(host: &Host, with: &With) -> Listing {
    let given = |name| Some(text(with, name)).filter(|text| !text.is_empty());
    if let Some(dump) = given("dump") {
        return dumped(host, dump, given("program"));
    }
    let main = match main_file(host, given("config")) {
        Ok(Some(main)) => main,
        Ok(None) => {
            let places = given("config").map_or_else(|| MAINS.join(", "), str::to_owned);
            return Listing::absent(format!("there is no {places}"));
        }
        Err(reason) => return Listing::failed(reason),
    };
    let program = Program::find(host, given("program"));
    listing(read(&HostFiles(host), &main), &main, &program)
}

/// The main file that exists.
fn main_file(host: &Host, given: Option<&str>) -> Result<Option<PathBuf>, Reason> {
    if let Some(path) = given.filter(|path| !path.starts_with('/')) {
        return Err(Reason::new(format!("`{path}` is no absolute path")));
    }
    let places = given.map_or(MAINS.to_vec(), |path| vec![path]);
    for place in places {
        match host.resolve(Path::new(place)) {
            Ok(found) if found.dangling => {}
            Ok(_) => return Ok(Some(place.into())),
            Err(host::Trouble::Absent) => {}
            Err(host::Trouble::Unseen(reason)) => return Err(reason),
        }
    }
    Ok(None)
}

fn dumped(host: &Host, path: &str, program: Option<&str>) -> Listing {
    let bytes = match host.read(Path::new(path), MAX_DUMP) {
        Ok(bytes) => bytes,
        Err(host::Trouble::Absent) => return Listing::absent(format!("there is no {path}")),
        Err(host::Trouble::Unseen(reason)) => return Listing::failed(reason),
    };
    let Some(dump) = Dump::parse(&bytes) else {
        return Listing::failed(Reason::new(format!("{path} is not what `nginx -T` writes")));
    };
    // The program on this host is not the one that wrote it.
    let elsewhere = Reason::new("the program that wrote the dump is not here; name it by `program`");
    let program = program.map_or_else(|| Program::unknown(&elsewhere), |path| Program::find(host, Some(path)));
    listing(read(&dump, &dump.main), &dump.main, &program)
}

fn listing(tree: Result<crate::format::nginx::Block, Trouble>, main: &Path, program: &Program) -> Listing {
    match tree {
        Ok(tree) => walk::subjects(&tree, main, program),
        Err(Trouble::Unread(Unread::Absent)) => Listing::absent(format!("there is no {}", main.display())),
        Err(Trouble::Unread(Unread::Unseen(reason))) => Listing::failed(reason),
        Err(Trouble::Refused(fault)) => {
            Listing::failed(Reason::new(format!("nginx does not start with this configuration: {fault}")))
        }
    }
}
