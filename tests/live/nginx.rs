//! What harden reads in nginx's files against nginx itself: the same files, the same syntax, and on the wire what the
//! effective values say.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::harden::harden;
use crate::support::host::Root;
use crate::support::pki::{Pki, Wanted};
use crate::support::session::{component, session};
use crate::support::tools;

pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
    trials![
        the_same_files_are_read,
        the_same_syntax_is_taken,
        generated_files_are_taken_by_both_or_by_neither,
        what_is_served_is_what_was_read,
        versions_of_tls_follow_the_default_server,
        every_rule_fails_on_a_weak_server_and_none_on_a_hardened_one,
        what_is_closed_to_an_ordinary_user_is_unknown,
    ]
}

/// A folder for one configuration, with all that nginx would else write elsewhere.
struct Instance {
    dir: PathBuf,
    child: Option<Child>,
}

impl Instance {
    fn new() -> Self {
        Instance { dir: session().instance("nginx"), child: None }
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> &Self {
        let path = self.dir.join(name);
        tools::make_dir(path.parent().unwrap(), 0o755);
        tools::write_file(&path, text, 0o644);
        self
    }

    /// The main file: `text` behind what keeps nginx inside of the folder.
    fn config(&self, text: &str) -> PathBuf {
        let dir = self.dir.display();
        self.write("nginx.conf", format!("daemon off; pid {dir}/pid; error_log {dir}/error.log info;\n{text}"));
        self.dir.join("nginx.conf")
    }

    fn nginx(&self) -> Command {
        let mut command = component(tools::find("nginx"), &self.dir);
        command.arg("-c").arg(self.dir.join("nginx.conf")).arg("-p").arg(&self.dir);
        command
    }

    /// Whether `nginx -t` takes it, and what it says.
    fn test(&self) -> (bool, String) {
        let output = self.nginx().arg("-t").output().expect("run nginx");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn start(&mut self, port: u16) {
        let child = self.nginx().stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("start nginx");
        self.child = Some(child);
        let log = self.dir.join("error.log");
        let ready = || TcpStream::connect(("127.0.0.1", port)).is_ok();
        tools::wait_until("nginx", Duration::from_secs(20), ready, || tools::tail(&log));
    }

    /// The places that harden sees.
    fn places(&self) -> Value {
        places(&self.dir.join("nginx.conf"))
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = Command::new("kill").arg(child.id().to_string()).status();
            let _ = child.wait();
        }
    }
}

/// The places of a configuration.
fn places(config: &Path) -> Value {
    places_of(&format!("config: {}", config.display()))
}

/// The same by other parameters: the query's answer in the facts of a rule that asks for every place.
fn places_of(with: &str) -> Value {
    let folder = session().instance("rules");
    let text = format!(
        "id: own-places\ntitle: x\nseverity: low\nphase: pre\nwhy: x\nfix: \"{{subject}}\"\nrefs: {{ cwe: \"1\" }}\ncheck:\n  resource: nginx\n  \
         with: {{ {with} }}\n  absent: not-applicable\n  expect: {{ kind: {{ exists: true }} }}\n"
    );
    tools::write_file(&folder.join("own-places.yaml"), text, 0o644);
    let arguments = ["collect", "--rule", "own-places", "--rules"].map(std::ffi::OsString::from);
    let facts = harden(arguments.into_iter().chain([folder.into_os_string()])).run().expect_code(0).json();
    let queries = facts["queries"].as_array().expect("facts hold queries");
    queries.iter().find(|query| query["resource"] == "nginx").expect("nginx was asked for").clone()
}

/// Whether harden takes the configuration for one that nginx would start with.
fn is_taken(listing: &Value) -> bool {
    listing.get("failed").is_none()
}

fn place<'l>(listing: &'l Value, name: &str) -> &'l Value {
    let subjects = listing["subjects"].as_array().expect("subjects");
    let found = subjects.iter().find(|subject| subject["name"] == name);
    &found.unwrap_or_else(|| panic!("no {name} in {listing:#}"))["fields"]
}

/// One request, and the whole answer.
fn get(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("connect to nginx");
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let _ = write!(stream, "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn has_header(answer: &str, name: &str, value: &str) -> bool {
    let wanted = format!("{name}: {value}").to_ascii_lowercase();
    answer.lines().any(|line| line.trim().to_ascii_lowercase() == wanted)
}

fn the_same_files_are_read() {
    let instance = Instance::new();
    instance
        .write("conf.d/a.conf", "server { listen unix:a; }")
        .write("conf.d/b.conf", "# nothing\n")
        .write("conf.d/.hidden.conf", "server { listen unix:hidden; }")
        .write("conf.d/sub/c.conf", "server { listen unix:c; include ../d.inc; }")
        .write("d.inc", "location /d { include d2.inc; }")
        .write("d2.inc", "autoindex on;")
        .write("[x].conf", "server { listen unix:x; }");
    let text = "events {}\nhttp { include conf.d/*.conf; include conf.d/*/[a-c].conf; include \"[[]x].conf\"; include none/*; }";
    let text = text.replace("../d.inc", "d.inc");
    instance.write("conf.d/sub/c.conf", "server { listen unix:c; include d.inc; }");
    instance.config(&text);
    let dump = instance.nginx().arg("-T").output().expect("run nginx");
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let dump = String::from_utf8_lossy(&dump.stdout).into_owned();
    let headers = dump.lines().filter_map(|line| line.strip_prefix("# configuration file ")?.strip_suffix(':'));
    let theirs: BTreeSet<&str> = headers.filter(|path| !path.ends_with("b.conf")).collect();
    let listing = instance.places();
    let place = |subject: &Value| subject["origin"].as_str().unwrap().split(':').next().unwrap().to_owned();
    let mut ours: BTreeSet<String> = listing["subjects"].as_array().unwrap().iter().map(place).collect();
    ours.extend(listing["subjects"].as_array().unwrap().iter().filter_map(|subject| {
        let origin = subject["fields"]["origins"]["autoindex"].as_str()?;
        (origin != "default").then(|| origin.split(':').next().unwrap().to_owned())
    }));
    assert_eq!(ours.iter().map(String::as_str).collect::<BTreeSet<_>>(), theirs);
    // What nginx wrote is read like the files themselves.
    instance.write("dump", &dump);
    let dumped = places_of(&format!("dump: {}/dump", instance.dir.display()));
    assert_eq!(dumped["subjects"].as_array().unwrap().len(), listing["subjects"].as_array().unwrap().len());
}

/// Texts, each whether nginx takes it as the content of `http`.
const SYNTAX: &[&str] = &[
    "",
    "server{listen unix:a;}",
    "server { listen unix:a; location / { return 200 'a b'; } }",
    "server { listen unix:a; location / { return 200 \"a\\\"b;{}\"; } }",
    "server { listen unix:a; location / { return 200 a'b; } }",
    "server { listen unix:a; location / { return 200 'a'b; } }",
    "server { listen unix:a; location / { return 200 ''; } }",
    "server { listen unix:a; location ~ \\.(a|b)$ { return 200; } }",
    "server { listen unix:a; location ~ ^/a{2}$ { return 200; } }",
    "server { listen unix:a; location ~ \"^/a{2}$\" { return 200; } }",
    "server { listen unix:a; location / { if ($host = 'a') { return 200; } } }",
    "server { listen unix:a; location / { if ($host = \"a\" ) { return 200; } } }",
    "server { listen unix:a; return 200 ${host}x; }",
    "server { listen unix:a; return 200 ${hostx; }",
    "server { listen unix:a; return 200 \"${host}\"; }",
    "server { listen unix:a; } # comment",
    "server { listen unix:a; # } \n }",
    "server { listen unix:a; return 200 a#b; }",
    "server { listen unix:a; return\n200\n; }",
    "server { listen unix:a; return 200 'a\nb'; }",
    "server { listen unix:a; return 200 a\\ b; }",
    "server { listen unix:a; return 200 \\; }",
    "server { listen unix:a; return 200 \\;; }",
    "server { listen unix:a; return 200 a\\; }",
    "server { listen unix:a }",
    "server { listen unix:a; ",
    "server { listen unix:a; } }",
    "server { ; }",
    "server { listen unix:a;; }",
    "{ }",
    ";",
    "server { listen unix:a; return 200 'a; }",
    "server { listen unix:a; return 200 \"a; }",
    "include none.conf;",
    "include none*.conf;",
    "include;",
    "include a b;",
    "include nginx.conf;",
    "\u{feff}server { listen unix:a; }",
    "server { listen unix:a; }\r\nserver { listen unix:b; }\r\n",
    "map $host $x { default 0; 'a b' \"c;\"; ~^a 1; include map.inc; }\nserver { listen unix:a; }",
    "types { text/html html htm; }",
    "'server' { \"listen\" unix:a; }",
    "server { listen unix:a; location / { return 200 a}b; } }",
    "server { listen unix:a; location / { return 200 }; } }",
    "server { listen unix:a; location / { return 200 a}; } }",
    "server { listen unix:a; return 200 a\"b; }",
    "server { listen unix:a; return 200 \"a\"; return 200 \"b\";}",
    "server { listen unix:a; set $x a;set $y b; }",
    "server { listen unix:a; set $x a\tb; }",
    "server { listen unix:a; set $x \u{a0}; }",
];

/// Compares one text. Of one in which nginx first meets a directive that it does not know, or not there, nothing can be
/// told: it reads no further.
fn compare(instance: &Instance, http: &str) -> Result<bool, String> {
    instance.write("map.inc", "x 1;\n").config(&format!("events {{}}\nhttp {{\n{http}\n}}\n"));
    let (starts, said) = instance.test();
    let of_syntax = ["unexpected", "too long parameter", "open() "];
    let refused = !starts && of_syntax.iter().any(|words| said.contains(words));
    let ours = is_taken(&instance.places());
    if (starts && !ours) || (refused && ours) {
        return Err(format!("nginx takes it: {starts}, harden: {ours}\n{http:.200}\n{said}"));
    }
    Ok(starts)
}

fn the_same_syntax_is_taken() {
    let instance = Instance::new();
    let mut wrong: Vec<String> = SYNTAX.iter().filter_map(|text| compare(&instance, text).err()).collect();
    for length in [4094, 4095, 4096, 4097, 9000] {
        for text in [format!("set $x {};", "a".repeat(length)), format!("#{}\n", "a".repeat(length))] {
            wrong.extend(compare(&instance, &format!("server {{ listen unix:a; {text} }}")).err());
        }
        wrong.extend(
            compare(
                &instance,
                &format!("#{}\nserver {{ listen unix:a; set $x '{}'; }}", "b".repeat(length), "a".repeat(length)),
            )
            .err(),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n---\n"));
}

/// A small generator (xorshift64*, Vigna 2016).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % sides
    }
}

fn generated_files_are_taken_by_both_or_by_neither() {
    let parts = [
        "server { listen unix:a; ",
        "location /x { ",
        "} ",
        "}",
        "; ",
        ";",
        "return 200 ",
        "set $a ",
        "'",
        "\"",
        "\\",
        "$",
        "${",
        "#",
        "\n",
        " ",
        "{",
        ")",
        "a",
        "b c",
        "add_header X ",
        "if ($a = 1) { ",
        "include map.inc",
        "\t",
        "\r\n",
        "~",
    ];
    let instance = Instance::new();
    let mut dice = Dice(0x5eed);
    let (mut wrong, mut taken) = (Vec::new(), 0);
    for _ in 0..150 {
        let text: String = match dice.roll(2) {
            0 => (0..dice.roll(14)).map(|_| parts[dice.roll(parts.len())]).collect(),
            // One that is sound, with one mistake at most.
            _ => {
                let sound = "server { listen unix:a; set $a 'b c'; location ~ \\.x$ { return 200 \"${a}\"; } } # x\n";
                let mut text: Vec<&str> = sound.split_inclusive([' ', ';']).collect();
                text.insert(dice.roll(text.len()), parts[dice.roll(parts.len())]);
                text.concat()
            }
        };
        match compare(&instance, &text) {
            Ok(starts) => taken += usize::from(starts),
            Err(error) => wrong.push(error),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n---\n"));
    assert!(taken > 10, "{taken}");
}

fn what_is_served_is_what_was_read() {
    let mut instance = Instance::new();
    let port = tools::free_port();
    instance
        .write("www/x/file", "file")
        .write("www/dir/one", "1")
        .write("www/dir/deep/two", "2")
        .write("www/.git/config", "secret")
        .write("aliased/f", "f")
        .write("secret", "s");
    let dir = instance.dir.display().to_string();
    instance.config(&format!(
        "events {{}}\nhttp {{ access_log off; server_tokens off; add_header X-Top 1; add_header X-Two 2 always;\n\
         server {{ listen 127.0.0.1:{port}; server_name localhost; root {dir}/www;\n\
         location / {{ }} location /x/ {{ add_header X-Own 3; server_tokens on; }} location /x/sub {{ return 204; }}\n\
         location /dir/ {{ autoindex on; location /dir/deep {{ add_header X-Empty \"\"; }} }}\n\
         location /go {{ return 301 https://$host$request_uri; }} location /no {{ return 403; }} location = /in {{ internal; return 200 in; }}\n\
         location ~ /\\.(?!well-known) {{ deny all; }} location /closed {{ deny all; }} location /open {{ allow all; return 200 ok; }}\n\
         location /al {{ alias {dir}/aliased/; }} location /post {{ if ($request_method !~ ^(GET|HEAD)$) {{ return 405; }} return 200 ok; }}\n\
         location /big {{ client_max_body_size 1k; return 200; }} }} }}"
    ));
    instance.start(port);
    let listing = instance.places();
    for (path, name) in [
        ("/", "/"),
        ("/x/file", "/x/"),
        ("/x/sub", "/x/sub"),
        ("/dir/", "/dir/"),
        ("/dir/deep/", "/dir/deep"),
        ("/go", "/go"),
        ("/no", "/no"),
        ("/closed", "/closed"),
        ("/open", "/open"),
    ] {
        let seen = place(&listing, &format!("server localhost:{port} location {name}"));
        let answer = get(port, &format!("GET {path}"));
        let status = answer.split(' ').nth(1).unwrap_or_default();
        let fine = matches!(status, "200" | "204" | "301");
        for (header, shown) in [("X-Top", "1"), ("X-Two", "2"), ("X-Own", "3"), ("X-Empty", "")] {
            let lower = header.to_ascii_lowercase();
            let ours = seen["headers"]
                .as_array()
                .unwrap()
                .iter()
                .any(|one| one["name"] == lower && (fine || one["always"] == true));
            assert_eq!(has_header(&answer, header, shown), ours, "{path} {header}: {answer}");
        }
        let told = answer.contains("Server: nginx/");
        assert_eq!(told, seen["server_tokens"] == "on", "{path}: {answer}");
        assert_eq!(answer.contains("Index of"), seen["autoindex"] == true, "{path}: {answer}");
        let expected = match status {
            "301" => "redirect-https",
            "403" if path == "/no" => "refuse",
            _ => "serve",
        };
        assert_eq!(seen["answer"], expected, "{path}: {answer}");
    }
    let server = place(&listing, &format!("server localhost:{port}"));
    assert_eq!(server["refuses_hidden"], get(port, "GET /.git/config").contains(" 403 "));
    let aliased = place(&listing, &format!("server localhost:{port} location /al"));
    assert_eq!(
        aliased["alias_escapes"],
        get(port, "GET /al../secret").contains(" 200 "),
        "{}",
        get(port, "GET /al../secret")
    );
    let limited = place(&listing, &format!("server localhost:{port} location /post"));
    assert_eq!(limited["methods"], serde_json::json!(["GET", "HEAD"]));
    assert!(get(port, "GET /post").contains(" 200 ") && get(port, "DELETE /post").contains(" 405 "));
    let internal = place(&listing, &format!("server localhost:{port} location = /in"));
    assert_eq!(internal["internal"], get(port, "GET /in").contains(" 404 "));
}

/// The version that openssl agrees on when it offers this one alone; `None` when the server refuses.
fn handshake(port: u16, name: &str, version: &str) -> bool {
    let mut command = Command::new(tools::find("openssl"));
    command.args([
        "s_client",
        "-connect",
        &format!("127.0.0.1:{port}"),
        "-servername",
        name,
        version,
        "-cipher",
        "ALL:@SECLEVEL=0",
    ]);
    let (output, _) = tools::run_within(&mut command, Duration::from_secs(20));
    let text = String::from_utf8_lossy(&output.stdout);
    text.contains("Cipher    : ") && !text.contains("Cipher    : 0000") || text.contains("New, TLSv1.3, Cipher is TLS")
}

fn versions_of_tls_follow_the_default_server() {
    let mut instance = Instance::new();
    let pki = Pki::create(&instance.dir.join("pki"), "nginx");
    pki.issue_server("site");
    let (port, plain) = (tools::free_port(), tools::free_port());
    instance.config(&format!(
        "events {{}}\nhttp {{ access_log off; ssl_certificate {}; ssl_certificate_key {}; ssl_ciphers ALL:@SECLEVEL=0;\n\
         server {{ listen 127.0.0.1:{port}; server_name a; ssl_protocols TLSv1.2 TLSv1.3; }}\n\
         server {{ listen 127.0.0.1:{port} ssl; server_name b; ssl_protocols TLSv1 TLSv1.1; }}\n\
         server {{ listen 127.0.0.1:{plain}; server_name c; }} }}",
        pki.certificate("site").display(),
        pki.key("site").display()
    ));
    instance.start(port);
    let listing = instance.places();
    let a = place(&listing, &format!("server a:{port}"));
    let b = place(&listing, &format!("server b:{port}"));
    let c = place(&listing, &format!("server c:{plain}"));
    // `ssl` of one server is that of the socket.
    assert_eq!((&a["tls"], &b["tls"], &c["tls"]), (&true.into(), &true.into(), &false.into()));
    assert_eq!((&a["default_server"], &b["default_server"]), (&true.into(), &false.into()));
    let accepted =
        |place: &Value, version: &str| place["ssl_protocols"].as_array().unwrap().iter().any(|one| one == version);
    for (flag, version) in [("-tls1", "TLSv1"), ("-tls1_1", "TLSv1.1"), ("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")]
    {
        for name in ["a", "b"] {
            assert_eq!(handshake(port, name, flag), accepted(a, version), "{name} {version}");
        }
    }
    // What nothing sets depends on the program, whose version is read from its file.
    let unset = c["ssl_protocols"].as_array().expect("nginx's version is known");
    let version = tools::try_run(Command::new("sh").args(["-c", "nginx -v 2>&1"])).unwrap();
    let old = ["1.1", "1.20", "1.21", "1.22"].iter().any(|start| version.contains(&format!("nginx/{start}")));
    assert_eq!(unset.iter().any(|one| one == "TLSv1.3"), !old, "{version}");
    let main = place(&listing, "nginx");
    assert!(version.contains(main["version"].as_str().unwrap()));
}

/// Each rule that the weak server must fail.
const WEAK_MAIN: &str =
    "user root;\nworking_directory /dumps;\npid /run/nginx.pid;\nerror_log /dev/null crit;\nevents {}\nhttp {\n";

/// A root with an nginx that is as it should be, or with one mistake for each rule.
fn root(weak: bool) -> Root {
    let root = Root::new();
    let pick = |good: u32, bad: u32| if weak { bad } else { good };
    let pki = Pki::create(&session().instance("pki"), "nginx");
    pki.issue_server("site");
    let copy = |from: &Path, to: &str, mode: u32| {
        root.file(to, fs::read(from).expect("openssl wrote it"), mode);
    };
    copy(&pki.certificate("site"), "/etc/nginx/tls/site.crt", 0o644);
    copy(&pki.key("site"), "/etc/nginx/tls/site.key", pick(0o600, 0o644));
    copy(&pki.key("site"), "/etc/nginx/tls/up.key", pick(0o600, 0o644));
    if !weak {
        copy(&pki.ca(), "/etc/ssl/certs/ca-certificates.crt", 0o644);
        root.file("/etc/logrotate.d/nginx", "/var/log/nginx/*.log { weekly }\n", 0o644);
    } else {
        root.file(
            "/etc/ssl/certs/ca-certificates.crt",
            fs::read(Pki::create(&session().instance("pki"), "other").ca()).unwrap(),
            0o644,
        );
        pki.issue_as(
            "expired",
            &Wanted { subject: "x", key: "rsa:2048", digest: "sha256", days: -1, names: None, self_signed: false },
        );
        copy(&pki.certificate("expired"), "/etc/nginx/tls/expired.crt", 0o644);
        root.file("/etc/nginx/conf.d/default.conf", "# default\n", 0o666);
    }
    root.folder("/dumps", pick(0o750, 0o777)).file("/run/nginx.pid", "1\n", pick(0o644, 0o666));
    root.file("/etc/passwd", "root:x:0:0::/root:/bin/sh\n", 0o644).file("/etc/group", "root:x:0:\n", 0o644);
    // The live program, for its version; the hardened root holds one that was built without WebDAV.
    let program: &[u8] = b"\0nginx version: nginx/1.26.2\0configure arguments: --with-http_ssl_module --http-log-path=/var/log/nginx/access.log\0";
    match weak {
        true => root.file("/usr/sbin/nginx", fs::read(tools::find("nginx")).expect("read nginx"), 0o755),
        false => root.file("/usr/sbin/nginx", program, 0o755),
    };
    root.file("/etc/nginx/nginx.conf", if weak { weak_config() } else { HARDENED.to_owned() }, pick(0o640, 0o666));
    root
}

const HARDENED: &str = r#"
user www-data;
working_directory /dumps;
pid /run/nginx.pid;
error_log /var/log/nginx/error.log info;
events {}
http {
    server_tokens off;
    client_max_body_size 1m;
    client_header_timeout 10s; client_body_timeout 10s; keepalive_timeout 10s; send_timeout 10s;
    large_client_header_buffers 4 8k;
    limit_req_zone $binary_remote_addr zone=req:10m rate=10r/s;
    limit_conn_zone $binary_remote_addr zone=addr:10m;
    limit_req zone=req burst=20; limit_conn addr 20;
    access_log /var/log/nginx/access.log; access_log syslog:server=10.0.0.5 combined;
    error_log /var/log/nginx/error.log info; error_log syslog:server=10.0.0.5 info;
    ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers ECDHE+AESGCM; ssl_session_tickets off; ssl_stapling on; ssl_stapling_verify on;
    ssl_certificate tls/site.crt; ssl_certificate_key tls/site.key;
    add_header X-Content-Type-Options nosniff always;
    add_header X-Frame-Options DENY always;
    add_header Content-Security-Policy "default-src 'self'" always;
    add_header Referrer-Policy no-referrer always;
    add_header Strict-Transport-Security "max-age=31536000" always;
    server { listen 80 default_server; return 301 https://$host$request_uri; }
    server {
        listen 443 ssl http2; server_name site;
        if ($request_method !~ ^(GET|HEAD|POST)$) { return 405; }
        location ~ /\.(?!well-known) { deny all; }
        location /files/ { alias /srv/files/; }
        location = /status { stub_status; allow 127.0.0.1; deny all; }
        location / {
            proxy_pass http://127.0.0.1:8080; proxy_hide_header X-Powered-By; proxy_cookie_flags ~ secure httponly;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;
        }
        location /up/ {
            proxy_pass https://10.0.0.9; proxy_ssl_verify on; proxy_ssl_trusted_certificate /ca.crt; proxy_hide_header X-Powered-By;
            proxy_ssl_certificate tls/site.crt; proxy_ssl_certificate_key tls/up.key; proxy_cookie_flags ~ secure httponly;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;
        }
    }
}
"#;

fn weak_config() -> String {
    format!(
        "{WEAK_MAIN}{}",
        r#"
    client_max_body_size 0; large_client_header_buffers 16 64k; gzip on; autoindex on; dav_methods PUT;
    log_format short "$remote_addr"; access_log /var/log/nginx/access.log short;
    ssl_protocols TLSv1 TLSv1.2; ssl_ciphers ALL;
    server { listen 80; access_log off; location /files { alias /srv/files/; } location /go { return 302 https://$host$uri; } }
    server { listen 443; listen 8443 ssl; ssl_certificate tls/expired.crt; ssl_certificate_key tls/site.key;
        location = /status { stub_status; }
        location / { proxy_pass http://198.51.100.9; }
        location /up { proxy_pass https://198.51.100.9; proxy_ssl_certificate_key tls/up.key; }
    }
    server { listen 9443 ssl; server_name keyless; }
}
"#
    )
}

fn statuses(root: &Root) -> Vec<(String, String, Value)> {
    let run = harden(
        ["check", "--profile", "nginx-strict", "--format", "json", "--root"]
            .map(std::ffi::OsString::from)
            .into_iter()
            .chain([root.dir().into()]),
    )
    .run();
    let report = run.json();
    let findings = report["findings"].as_array().unwrap_or_else(|| panic!("{run:?}")).clone();
    let of = |finding: Value| {
        (finding["rule"].as_str().unwrap().to_owned(), finding["status"].as_str().unwrap().to_owned(), finding)
    };
    findings.into_iter().map(of).collect()
}

fn every_rule_fails_on_a_weak_server_and_none_on_a_hardened_one() {
    let rules = harden(["rules", "list", "--profile", "nginx-strict", "--format", "json"]).run();
    let hardened = statuses(&root(false));
    let wrong: Vec<_> = hardened.iter().filter(|(_, status, _)| status == "fail" || status == "unknown").collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let of = |all: &[(String, String, Value)], wanted: &str| -> BTreeSet<String> {
        all.iter().filter(|(_, status, _)| status == wanted).map(|(rule, _, _)| rule.clone()).collect()
    };
    let passed = of(&hardened, "pass");
    let weak = statuses(&root(true));
    let failed = of(&weak, "fail");
    let all: BTreeSet<String> = hardened.iter().chain(&weak).map(|(rule, _, _)| rule.clone()).collect();
    assert!(all.len() > 50, "{} rules\n{rules:?}", all.len());
    let missed: Vec<_> = all.difference(&failed).collect();
    assert!(missed.is_empty(), "the weak server does not fail {missed:?}");
    let silent: Vec<_> = all.difference(&passed).collect();
    assert!(silent.is_empty(), "the hardened server does not pass {silent:?}");
}

fn what_is_closed_to_an_ordinary_user_is_unknown() {
    let root = root(false);
    root.file("/etc/nginx/conf.d/secret.conf", "server { listen 81; }", 0o600);
    let config = HARDENED.replacen("server_tokens off;", "server_tokens off; include /etc/nginx/conf.d/*.conf;", 1);
    root.file("/etc/nginx/nginx.conf", config, 0o644).mode("/etc/nginx/conf.d/secret.conf", 0o600);
    let run = harden(
        [
            "check",
            "--rule",
            "nginx-server-tokens",
            "--rule",
            "nginx-send-timeout",
            "--rule",
            "nginx-listen-ports",
            "--format",
            "json",
            "--root",
        ]
        .map(std::ffi::OsString::from)
        .into_iter()
        .chain([root.dir().into()]),
    )
    .user(crate::support::host::NOBODY)
    .run();
    let report = run.json();
    for rule in ["nginx-server-tokens", "nginx-send-timeout", "nginx-listen-ports"] {
        let findings: Vec<_> =
            report["findings"].as_array().unwrap().iter().filter(|finding| finding["rule"] == rule).collect();
        assert!(findings.iter().any(|finding| finding["status"] == "unknown"), "{rule}: {findings:#?}");
        assert!(findings.iter().all(|finding| finding["status"] != "fail"), "{rule}: {findings:#?}");
    }
}
