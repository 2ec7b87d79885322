//! `harden rules new`: a file for every resource that is refused for nothing but what is still to be written, and is a
//! rule once that is.

use std::path::Path;
use std::process::ExitCode;

use harden::diagnostic::{Diagnostics, Problem, Source};
use harden::resource::{self, Accepts, Resource};
use harden::rule::Rule;
use harden::rule::case::Outcome;
use harden::rule::compile::{Options, compile};
use harden::rule::input::Inputs;
use harden::value::Type;
use harden::yaml;

/// What `harden rules new` with these arguments returned and said.
fn new(args: &[&str]) -> (ExitCode, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let args = ["harden", "rules", "new"].into_iter().chain(args.iter().copied());
    let code = harden::run(args.map(Into::into), &mut out, &mut err);
    (code, String::from_utf8([out, err].concat()).unwrap())
}

fn template(resource: &Resource, folder: &Path) -> String {
    let id = format!("own-{}", resource.name.replace('_', "-"));
    let (code, said) = new(&[&id, "--resource", resource.name, "--output", &folder.display().to_string()]);
    assert_eq!(code, ExitCode::SUCCESS, "{said}");
    assert!(said.contains(&format!("{id}.yaml")), "{said}");
    std::fs::read_to_string(folder.join(format!("{id}.yaml"))).unwrap()
}

fn compiled(text: &str) -> Result<Rule, Vec<Problem>> {
    let id = text.lines().find_map(|line| line.strip_prefix("id: ")).unwrap();
    compile(&Source::new("x.yaml", text), id, Options { inputs: &Inputs::new(), cases: true })
}

/// What is expected of a field of this type, and what a case says of it.
fn values(ty: Type) -> (&'static str, &'static str) {
    match ty {
        Type::Bool(_) => ("true", "true"),
        Type::Integer => ("{ at_least: 1 }", "2"),
        Type::Mode => ("{ at_most: \"0640\" }", "\"0600\""),
        Type::Secret => ("{ secret: { length: 12 } }", "{ length: 20, entropy_bits: 80, placeholder: false }"),
        Type::Text | Type::Url => ("a", "a"),
        Type::Word(vocabulary) => (vocabulary.words[0], vocabulary.words[0]),
        other => panic!("no value of {other:?} yet"),
    }
}

/// The text with every part filled in by its key.
fn filled(text: &str, resource: &Resource) -> String {
    let fill = |line: &str| {
        let Some((before, rest)) = line.split_once("'FILL IN").filter(|_| !line.trim_start().starts_with('#')) else {
            return line.to_owned();
        };
        let key = before.rsplit(['{', ' ', '-']).find(|part| part.ends_with(':')).unwrap().trim_end_matches(':');
        let field = resource.fields.iter().find(|field| field.name == key);
        let ty = field.map(|field| match field.ty {
            Type::As => resource.as_type(&resource::With::new()),
            ty => ty,
        });
        let word = resource.params.iter().find_map(|param| match param.accepts {
            Accepts::Words(words) if param.name == key => words.first(),
            _ => None,
        });
        let value = match (key, ty) {
            _ if word.is_some() && !line.trim_start().starts_with('-') => word.unwrap(),
            ("severity", _) => "low",
            ("phase", _) => "pre",
            ("absent", _) => "fail",
            (_, Some(ty)) if line.trim_start().starts_with('-') => values(ty).1,
            (_, Some(ty)) if !["path", "of", "name", "env"].contains(&key) => values(ty).0,
            _ if key == "path" => "/word",
            _ => "word",
        };
        let (_, after) = rest.split_once('\'').unwrap();
        format!("{before}{value}{after}")
    };
    // One part after another, where a line has two.
    let once = |text: &str| text.lines().map(fill).collect::<Vec<_>>().join("\n") + "\n";
    once(&once(text))
}

#[test]
fn every_resource_has_a_file_to_fill_in() {
    let folder = tempfile::tempdir().unwrap();
    for resource in resource::ALL {
        let text = template(resource, folder.path());
        yaml::parse(&text).unwrap_or_else(|problems| panic!("{text}\n{problems:?}"));
        assert!(text.lines().all(|line| line.chars().count() <= 140), "{text}");
        for field in resource.fields {
            assert!(text.contains(&format!("    # {} (", field.name)), "{} is not in\n{text}", field.name);
        }
        for param in resource.params {
            assert!(text.contains(&format!("{}:", param.name)), "{} is not in\n{text}", param.name);
        }
        let problems = compiled(&text).unwrap_err();
        let parts = text.matches("'FILL IN").count();
        assert_eq!(problems.len(), parts, "{text}\n{problems:?}");
        for problem in &problems {
            assert_eq!(problem.message, "still to be written", "{text}");
            assert!(text.get(problem.span.clone()).unwrap().starts_with("'FILL IN"), "{problem:?}");
            assert!(problem.help.is_some(), "{problem:?}");
        }
        let text = filled(&text, resource);
        let rule = compiled(&text).unwrap_or_else(|problems| {
            let mut diagnostics = Diagnostics::default();
            diagnostics.add(&Source::new("x.yaml", &text), problems);
            panic!("{text}\n{}", diagnostics.render(false, 120))
        });
        let outcomes: Vec<_> = rule.cases.iter().map(|case| case.expected).collect();
        assert_eq!(outcomes, [Outcome::Pass, Outcome::Fail, Outcome::Unknown, Outcome::NotApplicable]);
    }
}

#[test]
fn what_is_still_to_be_written_hides_no_other_mistake() {
    let text = "id: own\ntitle: …\nseverity: FILL IN\nphase: later\nwhy: FILL IN\nfix: see FILL IN\nrefs: { FILL IN: a }\n\
                check: { resource: file, with: { path: …, pth: a }, absent: fail, expect: { owner: … } }\n";
    let problems = compiled(text).unwrap_err();
    let told: Vec<_> =
        problems.iter().map(|problem| (text.get(problem.span.clone()).unwrap(), problem.message.as_str())).collect();
    let unwritten = "still to be written";
    assert_eq!(
        told,
        [
            ("…", unwritten),
            ("FILL IN", unwritten),
            ("later", "`later` is no phase; there are: pre, post, ongoing"),
            ("FILL IN", unwritten),
            ("FILL IN", unwritten),
            ("…", unwritten),
            ("pth", "file has no parameter `pth`"),
            ("…", unwritten),
        ]
    );
}

#[test]
fn nothing_is_overwritten_and_nothing_is_written_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let refused = ExitCode::from(2);
    let file = at("own-a.yaml");
    assert_eq!(new(&["own-a", "--resource", "file", "--output", &file]).0, ExitCode::SUCCESS);
    std::fs::write(&file, "mine").unwrap();
    for output in [file.as_str(), &at("")] {
        let (code, said) = new(&["own-a", "--resource", "file", "--output", output]);
        assert_eq!(code, refused);
        assert!(said.contains("exists already"), "{said}");
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    // A link that leads nowhere would be written through.
    std::os::unix::fs::symlink(at("elsewhere.yaml"), at("own-b.yaml")).unwrap();
    assert_eq!(new(&["own-b", "--resource", "file", "--output", &at("")]).0, refused);
    assert!(!folder.path().join("elsewhere.yaml").exists());
    std::fs::create_dir(folder.path().join("profiles")).unwrap();
    for (args, part) in [
        (["own-c", "--resource", "file", "--output", &at("own-d.yaml")], "file called own-c.yaml"),
        (["own-c", "--resource", "file", "--output", &at("own-c.txt")], "file called own-c.yaml"),
        (["own-c", "--resource", "file", "--output", &at("nowhere/own-c.yaml")], "failed to create"),
        (["own-c", "--resource", "file", "--output", &at("profiles")], "read as a profile"),
        (["own-c", "--resource", "flie", "--output", &at("")], "did you mean `file`?"),
        (["own-c", "--resource", "nothing-like-it", "--output", &at("")], "there are: authorized_key, "),
        (["Own_c", "--resource", "file", "--output", &at("")], "lower-case words"),
        (["-c", "--resource", "file", "--output", &at("")], "unexpected argument"),
        (["host-shadow-mode", "--resource", "file", "--output", &at("")], "is taken by a rule"),
        (["../own-c", "--resource", "file", "--output", &at("")], "is no id"),
    ] {
        let (code, said) = new(&args);
        assert_eq!(code, refused, "{args:?}");
        assert!(said.contains(part), "{args:?}: {part} is not in {said}");
    }
    let mut names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["own-a.yaml", "own-b.yaml", "profiles"]);
}
