use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::facts::{Extent, Subject};
use crate::format::nginx::tests::Memory;
use crate::value::{Observed, Value};

fn program(version: &str) -> Program {
    let version = crate::value::Version::parse(version).unwrap();
    Program { version: Ok(version), arguments: Ok(vec!["--http-log-path=/var/log/a.log".to_owned()]) }
}

fn look_at(files: &Memory) -> Listing {
    listing(read(files, Path::new("/etc/nginx/nginx.conf")), Path::new("/etc/nginx/nginx.conf"), &program("1.22.1"))
}

fn of(text: &str) -> Vec<Subject> {
    let listing = look_at(&Memory::new(&[("/etc/nginx/nginx.conf", text)]));
    assert_eq!(listing.extent, Extent::Complete, "{text}");
    listing.subjects
}

fn named<'s>(subjects: &'s [Subject], name: &str) -> &'s Subject {
    subjects.iter().find(|subject| &*subject.name == name).unwrap_or_else(|| {
        panic!("no {name} in {:?}", subjects.iter().map(|subject| &subject.name).collect::<Vec<_>>())
    })
}

fn text(subject: &Subject, field: &str) -> String {
    subject.fields.get(field).unwrap().to_string()
}

fn origin(subject: &Subject, field: &str) -> String {
    let Some(Observed::Known(Value::Map(origins))) = subject.fields.get("origins") else { panic!() };
    origins.get(field).map(ToString::to_string).unwrap_or_default()
}

#[test]
fn the_nearest_block_counts_and_lists_are_replaced_as_a_whole() {
    let seen = of(
        "http {\n add_header A 1;\n add_header B 2 always;\n server_tokens off;\n server {\n  listen 80;\n  server_name a b;\n\
        location / { }\n  location /x {\n   add_header C 3;\n   location /x/y { autoindex on; }\n  }\n } }\n",
    );
    let root = named(&seen, "server a:80 location /");
    assert_eq!(text(root, "headers"), "name=a, value=1, always=false, name=b, value=2, always=true");
    assert_eq!(
        (text(root, "server_tokens"), origin(root, "server_tokens")),
        ("off".into(), "/etc/nginx/nginx.conf:4".into())
    );
    let y = named(&seen, "server a:80 location /x/y");
    assert_eq!(text(y, "headers"), "name=c, value=3, always=false");
    assert_eq!((text(y, "autoindex"), text(y, "sets")), ("true".into(), "autoindex".into()));
    assert_eq!((text(y, "server_names"), origin(y, "client_body_timeout")), ("a, b".into(), "default".into()));
    assert_eq!(text(named(&seen, "server a:80 location /x"), "autoindex"), "false");
}

#[test]
fn sockets_are_shared_by_servers() {
    let seen = of("http { server { listen 443 ssl; server_name a; } server { listen *:443; server_name b; }\n\
        server { listen 80; listen [::]:80; server_name c; } server { server_name d; listen 80 default_server; }\n\
        server { server_name e; listen unix:/s proxy_protocol; } server { server_name f; listen 127.0.0.1:81; ssl on; } }");
    let bools = |name: &str| {
        let subject = named(&seen, name);
        [text(subject, "tls"), text(subject, "plain"), text(subject, "default_server")].join(" ")
    };
    assert_eq!(bools("server a:443"), "true false true");
    assert_eq!(bools("server b:443"), "true false false");
    assert_eq!(bools("server c:80"), "false true true");
    assert_eq!(bools("server d:80"), "false true true");
    assert_eq!(bools("server e:unix:/s"), "false true true");
    assert_eq!(bools("server f:81"), "true false true");
    let implied = of("http { server { } }");
    assert!(text(named(&implied, "server _"), "listen").starts_with("address=0.0.0.0, tls=false"));
}

#[test]
fn a_file_that_could_not_be_read_may_hold_anything() {
    let files = Memory::new(&[(
        "/etc/nginx/nginx.conf",
        "http { server_tokens off; include /secret; server { listen 80; add_header A b; location / { autoindex off; } } }",
    )])
    .closed("/secret");
    let listing = look_at(&files);
    assert!(matches!(listing.extent, Extent::Partial(_)));
    let server = named(&listing.subjects, "server _:80");
    assert_eq!(text(server, "server_tokens"), "off", "nginx refuses a second one");
    for field in ["client_body_timeout", "tls", "plain", "directives", "limit_req", "access_log"] {
        assert!(text(server, field).starts_with("unknown"), "{field}: {}", text(server, field));
    }
    assert_eq!(text(server, "headers"), "name=a, value=b, always=false");
    assert_eq!(text(named(&listing.subjects, "server _:80 location /"), "autoindex"), "false");
    let inner = Memory::new(&[("/etc/nginx/nginx.conf", "http { server { listen 80; add_header A b; include /s; } }")]);
    let listing = look_at(&inner.closed("/s"));
    let server = named(&listing.subjects, "server _:80");
    assert!(text(server, "headers").ends_with("… (permission denied)"));
    assert!(text(server, "answer").starts_with("unknown"));
}

#[test]
fn what_nginx_would_refuse_is_not_judged() {
    for text in ["http { server { }", "http { include none.conf; }"] {
        assert!(
            matches!(look_at(&Memory::new(&[("/etc/nginx/nginx.conf", text)])).extent, Extent::Failed(_)),
            "{text}"
        );
    }
    let twice = of("http { server_tokens on; server_tokens off; }");
    assert!(text(named(&twice, "http"), "server_tokens").starts_with("unknown"));
    assert!(matches!(look_at(&Memory::new(&[])).extent, Extent::Absent(_)));
}

#[test]
fn tls_and_its_defaults() {
    let seen = of("http { ssl_certificate a.crt; server { listen 443 ssl; ssl_certificate_key data:$key;\n\
        ssl_certificate /b.crt; ssl_certificate $ssl_name.crt; ssl_stapling maybe; ssl_session_timeout 1d; } }");
    let server = named(&seen, "server _:443");
    assert_eq!(text(server, "ssl_protocols"), "TLSv1, TLSv1.1, TLSv1.2");
    assert_eq!(origin(server, "ssl_protocols"), "default");
    assert!(text(server, "ssl_certificate").starts_with("/b.crt, unknown"));
    assert!(text(server, "ssl_certificate_key").starts_with("unknown"));
    assert!(text(server, "ssl_stapling").contains("not valid"));
    assert_eq!(text(named(&seen, "http"), "ssl_certificate"), "/etc/nginx/a.crt");
    let listing = |version| {
        walk::subjects(
            &read(&Memory::new(&[("/n", "http { server { listen 443 ssl; } }")]), Path::new("/n")).unwrap(),
            Path::new("/n"),
            &version,
        )
    };
    let protocols = |version| text(named(&listing(version).subjects, "server _:443"), "ssl_protocols");
    assert_eq!(protocols(program("1.25.0")), "TLSv1, TLSv1.1, TLSv1.2, TLSv1.3");
    assert_eq!(protocols(program("1.27.3")), "TLSv1.2, TLSv1.3");
    assert!(protocols(Program::unknown(&Reason::new("not there"))).starts_with("unknown"));
}

#[test]
fn answers_of_servers_and_locations() {
    for (text_of, expected) in [
        ("return 301 https://$host$request_uri;", "redirect-https"),
        ("return https://x;", "redirect-https"),
        ("rewrite ^ https://$host$request_uri? permanent;", "redirect-https"),
        ("rewrite ^/old https://x permanent;", "serve"),
        ("return 301 http://x;", "redirect"),
        ("return 301 $scheme://x$request_uri;", "redirect"),
        ("return 301 /x;", "redirect"),
        ("return 444;", "refuse"),
        ("return 200 ok;", "serve"),
        ("", "serve"),
        ("if ($host = a) { return 301 https://$host$request_uri; } return 404;", "redirect-https"),
        ("if ($host = a) { return 301 https://$host$request_uri; }", "serve"),
        ("if ($scheme = http) { return 301 https://$host$request_uri; }", "redirect-https"),
        ("if ($scheme != \"https\") { rewrite ^ https://$host$uri; }", "redirect-https"),
        ("if ($x) { return 200; } return 301 https://x;", "serve"),
        ("location / { return 301 https://$host$request_uri; }", "redirect-https"),
        ("location / { root /x; }", "serve"),
    ] {
        let seen = of(&format!("http {{ server {{ listen 80; {text_of} }} }}"));
        assert_eq!(text(named(&seen, "server _:80"), "answer"), expected, "{text_of}");
    }
    let seen = of(
        "http { server { listen 80; location / { return 301 https://x; } location /a { } location = /b { deny all; return 403; }\n\
        location /l { content_by_lua_block { x } } } server { listen 81; return 301 https://x; location /a { } } }",
    );
    let answer = |name: &str| text(named(&seen, name), "answer");
    assert_eq!(answer("server _:80 location /"), "redirect-https");
    assert_eq!(answer("server _:80 location /a"), "serve");
    assert_eq!(answer("server _:80 location = /b"), "refuse");
    assert!(answer("server _:80 location /l").starts_with("unknown"));
    assert_eq!(answer("server _:81 location /a"), "redirect-https");
}

#[test]
fn what_limits_and_what_is_passed_on() {
    let seen = of(
        "http { limit_req_zone $binary_remote_addr zone=one:10m rate=10r/s; limit_conn_zone $server_name zone=c:1m;\n\
        upstream app { server 10.0.0.1:80; server unix:/s; server name:80; }\n\
        server { listen 80; limit_req zone=one burst=5; limit_conn c 10; if ($request_method !~ ^(GET|POST)$ ) { return 405; }\n\
        allow 10.0.0.0/8; deny all; location / { proxy_pass http://app/; proxy_set_header Host $host; proxy_set_header X-Token abc;\n\
        location /in { } if ($x) { gzip on; } limit_except GET { deny all; } } location /u { proxy_pass https://u:pw@1.2.3.4:81/x; } } }",
    );
    let server = named(&seen, "server _:80");
    assert_eq!(text(server, "limit_req"), "zone=one, key=$binary_remote_addr, limit=10r/s");
    assert_eq!(text(server, "limit_conn"), "zone=c, key=$server_name, limit=10");
    assert_eq!(text(server, "methods"), "GET, POST");
    assert_eq!(text(server, "access"), "action=allow, source=10.0.0.0/8, action=deny, source=all");
    let root = named(&seen, "server _:80 location /");
    assert!(text(root, "proxy_to").starts_with("10.0.0.1, localhost, unknown"), "{}", text(root, "proxy_to"));
    assert_eq!(text(root, "proxy_set_header"), "name=host, value=$host, name=x-token, value=***");
    assert_eq!(text(root, "methods"), "GET, HEAD");
    assert_eq!(text(named(&seen, "server _:80 location /in"), "proxy_pass"), "absent");
    assert_eq!(text(named(&seen, "server _:80 if ($x)"), "proxy_pass"), "http://app/");
    assert_eq!(text(named(&seen, "server _:80 location /u"), "proxy_pass"), "https://u:***@1.2.3.4:81/x");
    assert_eq!(text(named(&seen, "upstream app"), "upstream_servers"), "10.0.0.1:80, unix:/s, name:80");
}

#[test]
fn logs_have_their_formats() {
    let seen = of(
        "error_log /e warn; http { log_format main '$remote_addr ' '$request'; access_log /a main; server { listen 80; }\n\
        server { listen 81; access_log off; error_log syslog:server=10.0.0.1 info; location /x { access_log /b combined if=$y; } } }",
    );
    assert_eq!(
        text(named(&seen, "server _:80"), "access_log"),
        "target=/a, syslog=false, remote=false, format=main, variables=$remote_addr $request, conditional=false"
    );
    assert_eq!(text(named(&seen, "server _:80"), "error_log"), "target=/e, syslog=false, remote=false, level=warn");
    assert_eq!(text(named(&seen, "server _:81"), "access_log"), "none");
    assert!(text(named(&seen, "server _:81"), "error_log").ends_with("syslog=true, remote=true, level=info"));
    assert!(text(named(&seen, "server _:81 location /x"), "access_log").ends_with("conditional=true"));
    let default = of("http { server { listen 80; } }");
    assert!(text(named(&default, "server _:80"), "access_log").starts_with("target=/var/log/a.log"));
}

#[test]
fn main_mail_and_streams() {
    let seen = of("user www-data; worker_processes 1; load_module modules/x.so; events { worker_connections 1; }\n\
        stream { upstream db { server 10.0.0.1:5432; } server { listen 5432 ssl; ssl_protocols TLSv1.3; proxy_pass db; } }\n\
        mail { server { listen 25; } }");
    let main = named(&seen, "nginx");
    assert_eq!(
        (text(main, "user"), text(main, "modules"), text(main, "version")),
        ("www-data".into(), "modules/x.so".into(), "1.22.1".into())
    );
    let stream = named(&seen, "stream server 5432");
    assert_eq!(
        (text(stream, "tls"), text(stream, "ssl_protocols"), text(stream, "proxy_to")),
        ("true".into(), "TLSv1.3".into(), "10.0.0.1".into())
    );
    assert_eq!(text(named(&seen, "mail server 25"), "tls"), "false");
}

#[test]
fn other_modules_that_change_headers_are_said() {
    let seen = of("http { more_set_headers 'X: y'; server { listen 80; add_header A b; } }");
    assert!(text(named(&seen, "server _:80"), "headers").contains("more_set_headers"));
    let seen = of("http { server { listen 80; add_header A \"\"; add_header B $x; } }");
    assert!(text(named(&seen, "server _:80"), "headers").starts_with("name=b, always=false"));
}

#[test]
fn what_nginx_dumped_is_read() {
    let dump = b"nginx: the configuration file is ok\n# configuration file /etc/nginx/nginx.conf:\nhttp {\n include c/*.conf;\n}\n\n\
        # configuration file /etc/nginx/c/a.conf:\nserver { listen 80; }\n\n# configuration file /etc/nginx/c/.b.conf:\nserver {}\n";
    let dump = Dump::parse(dump).unwrap();
    let seen = listing(read(&dump, &dump.main), &dump.main, &program("1.22.1"));
    assert_eq!(&*named(&seen.subjects, "server _:80").origin, "/etc/nginx/c/a.conf:1");
    assert_eq!(seen.subjects.len(), 3);
    assert!(Dump::parse(b"http {}").is_none());
}

#[test]
fn aliases_and_hidden_files() {
    let seen = of(
        "http { server { listen 80; location /a { alias /x/; } location /b/ { alias /x/; } location /c { alias /x; } location /d { }\n\
        location ~ /\\.(?!well-known).* { deny all; } } server { listen 81; location ~ /\\.ht { deny all; } } }",
    );
    let escapes = |name: &str| text(named(&seen, &format!("server _:80 location {name}")), "alias_escapes");
    assert_eq!([escapes("/a"), escapes("/b/"), escapes("/c"), escapes("/d")], ["true", "false", "false", "absent"]);
    assert_eq!(text(named(&seen, "server _:80"), "refuses_hidden"), "true");
    assert_eq!(text(named(&seen, "server _:81"), "refuses_hidden"), "false");
}

const WORDS: &str = "(http|server|location|if|upstream|stream|listen|443|ssl|return|301|https://x|add_header|A|limit_req|zone=a|access_log|off|\
    proxy_pass|http://u/|limit_except|GET|deny|all|allow|/|~|\\$x|\\(\\$request_method|!~|\\^\\(A\\)\\$|rewrite|ssl_protocols|include|[{};\"' \n]| |;| \\{|\\} ){0,60}";

proptest! {
    #[test]
    fn no_configuration_makes_it_panic(text in WORDS) {
        look_at(&Memory::new(&[("/etc/nginx/nginx.conf", &text)]));
    }

    #[test]
    fn no_dump_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        let _ = Dump::parse(&bytes);
        let _ = Dump::parse(&[b"# configuration file /a:\n".as_slice(), &bytes].concat());
    }
}
