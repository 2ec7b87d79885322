use super::*;
use proptest::prelude::*;

/// What each cron makes of times in a user's table: `y` takes them, `n` refuses, `o` takes them otherwise, `?` depends.
fn said(times: &str) -> String {
    let of = |cron| {
        let table = parse(&format!("{times} x\n"), Layout::User, cron);
        let [line] = table.lines.as_slice() else { panic!("{times}: {table:?}") };
        match (line.taken, line.faults.contains(&Fault::OddSchedule)) {
            (Taken::Yes, false) => 'y',
            (Taken::Yes, true) => 'o',
            (Taken::No, _) => 'n',
            (Taken::Unsure, _) => '?',
        }
    };
    Cron::ALL.map(of).iter().collect()
}

/// The answers of Debian's are those of its `crontab -n` (3.0pl1-162), which the live tests ask again.
#[test]
fn times_are_taken_as_each_cron_takes_them() {
    for (times, expected) in [
        ("5 * * * *", "yy"),
        ("*/5 0-6/2,8 1,15 */2 Sun", "yy"),
        ("* * * jan-mar mon-fri", "yy"),
        ("00005 08 * * 7", "yy"),
        ("*/90 * * * *", "yy"),
        ("1-5/100 * * * *", "yy"),
        ("@daily", "yy"),
        ("@midnight", "yy"),
        ("@DAILY", "nn"),
        ("@fortnight", "nn"),
        ("60 * * * *", "nn"),
        ("* 24 * * *", "nn"),
        ("* * 0 * *", "nn"),
        ("* * * 13 *", "nn"),
        ("* * * * 8", "nn"),
        ("* * * january *", "nn"),
        ("* jan * * *", "nn"),
        ("5/10 * * * *", "nn"),
        ("*/0 * * * *", "nn"),
        ("1-70 * * * *", "nn"),
        ("1, * * * *", "nn"),
        (",1 * * * *", "nn"),
        ("1- * * * *", "nn"),
        ("*/ * * * *", "nn"),
        ("? * * * *", "nn"),
        ("* * L * *", "nn"),
        ("5x * * * *", "nn"),
        ("1 2 3 4", "nn"),
        ("*5 * * * *", "oo"),
        ("5#3 * * * *", "on"),
        ("1.5 * * * *", "on"),
        ("1-5/2/3 * * * *", "on"),
        ("1-3-5 * * * *", "on"),
        ("*/5-7 * * * *", "on"),
        ("* * * * 5-2", "on"),
        ("0-70/50 * * * *", "ny"),
        ("* * 5-0 * *", "nn"),
        ("* * * * sat-sun", "o?"),
        ("- * * * *", "nn"),
        ("-* * * * *", "n?"),
        ("0~30 * * * *", "??"),
        ("~ * * * *", "??"),
        ("4294967301 * * * *", "??"),
    ] {
        assert_eq!(said(times), expected, "{times}");
    }
}

type Shown<'t> = (&'t str, Option<&'t str>, &'t str, usize, Taken, Vec<Fault>);

fn shown(table: &Table) -> Vec<Shown<'_>> {
    table
        .lines
        .iter()
        .map(|line| {
            (
                line.when.as_str(),
                line.user.as_deref(),
                line.command.as_str(),
                line.number,
                line.taken,
                line.faults.clone(),
            )
        })
        .collect()
}

#[test]
fn lines_of_the_system_have_a_user() {
    let text = "# c\nSHELL=/bin/sh\n17 *\t* * *\troot    cd / && run-parts /etc/cron.hourly\n@daily www-data /usr/bin/php a=b\n\
                7 3 * * * /usr/bin/situation run\n@reboot root\n@reboot\nnonsense here\n5 4 * * * root x\r\n";
    let table = parse(text, Layout::System, Cron::Debian);
    assert_eq!(
        shown(&table),
        [
            ("17 * * * *", Some("root"), "cd / && run-parts /etc/cron.hourly", 3, Taken::Yes, vec![]),
            ("@daily", Some("www-data"), "/usr/bin/php a=b", 4, Taken::Yes, vec![]),
            ("7 3 * * *", None, "/usr/bin/situation run", 5, Taken::No, vec![Fault::MissingUser]),
            ("@reboot", Some("root"), "", 6, Taken::No, vec![Fault::NoCommand]),
            ("@reboot", None, "", 7, Taken::No, vec![Fault::MissingUser]),
            ("nonsense here", None, "", 8, Taken::No, vec![Fault::Schedule]),
            ("5 4 * * *", Some("root"), "x", 9, Taken::Yes, vec![Fault::CarriageReturn]),
        ]
    );
    assert!(!table.unended);
    assert_eq!(table.lines[0].environment.get("SHELL").map(String::as_str), Some("/bin/sh"));
}

#[test]
fn a_percent_ends_the_command() {
    let table = parse("5 * * * * date +\\%F > /x%in%put\n", Layout::User, Cron::Debian);
    assert_eq!((table.lines[0].command.as_str(), table.lines[0].input), ("date +%F > /x", true));
    let table = parse("* * * * *\n", Layout::User, Cron::Debian);
    assert_eq!((table.lines[0].taken, table.lines[0].faults.as_slice()), (Taken::Yes, [Fault::NoCommand].as_slice()));
    let table = parse("* * * * * * x\n", Layout::User, Cron::Debian);
    assert_eq!((table.lines[0].taken, table.lines[0].faults.as_slice()), (Taken::No, [Fault::NoCommand].as_slice()));
}

#[test]
fn settings_are_told_from_jobs() {
    for (line, expected) in [
        ("A=b", Some(("A", "b"))),
        ("A = b c ", Some(("A", "b c"))),
        ("\"A B\"='x '  ", Some(("A B", "x "))),
        ("MAILTO=\"\"", Some(("MAILTO", ""))),
        ("A=", None),
        ("A=\"x", None),
        ("A=\"x\" y", None),
        ("A B=1", None),
        ("'A=B'=1", None),
        ("0 5 * * * A = b", None),
    ] {
        let seen = setting::read(line);
        assert_eq!(seen.as_ref().map(|(name, value)| (name.as_str(), value.as_str())), expected, "{line}");
    }
}

#[test]
fn the_last_line_has_an_end() {
    for (text, unended) in
        [("* * * * * x", true), ("A=b", true), ("x\n# c", false), ("* * * * * x\n", false), ("", false)]
    {
        assert_eq!(parse(text, Layout::User, Cron::Debian).unended, unended, "{text}");
    }
}

#[test]
fn anacron_counts_days() {
    let text = "START_HOURS_RANGE=3-22\n1\t5\tcron.daily\trun-parts --report /etc/cron.daily\n@monthly 15 m x\n@weekly 1 w x\n1 x y z\n";
    let table = parse(text, Layout::Anacron, Cron::Cronie);
    let taken: Vec<_> =
        table.lines.iter().map(|line| (line.when.as_str(), line.command.as_str(), line.taken)).collect();
    assert_eq!(
        taken,
        [
            ("1", "run-parts --report /etc/cron.daily", Taken::Yes),
            ("@monthly", "x", Taken::Yes),
            ("@weekly", "x", Taken::Unsure),
            ("1", "z", Taken::No),
        ]
    );
}

#[test]
fn names_that_are_passed_over() {
    for (name, debian, cronie) in [
        ("backup", true, true),
        ("backup.sh", false, true),
        ("a_b-C9", true, true),
        (".placeholder", false, false),
        ("x~", false, false),
        ("x.rpmnew", false, false),
        ("x.dpkg-old", false, true),
        ("", false, true),
    ] {
        assert_eq!((Cron::Debian.reads_name(name), Cron::Cronie.reads_name(name)), (debian, cronie), "{name}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read(text in "([@*0-9A-Za-z=~,/\\-% \t\"'\r]{0,30}\n|\\PC*\n?)*") {
        for cron in Cron::ALL {
            for layout in [Layout::System, Layout::User, Layout::Anacron] {
                let table = parse(&text, layout, cron);
                prop_assert!(table.lines.len() <= text.split('\n').count());
            }
        }
    }
}
