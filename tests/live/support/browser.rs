//! A headless Chromium on a page of its own profile, stopped with all its processes when dropped.

use std::fs::File;
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::session::{component, session};
use super::tools;

/// How long a page may take to say that it is done.
const PATIENCE: Duration = Duration::from_secs(40);

struct Browser {
    child: Child,
    dir: std::path::PathBuf,
}

impl Browser {
    fn open(url: &str) -> Browser {
        let dir = session().instance("chromium");
        let log = File::create(dir.join("log")).expect("create a log");
        let mut command = component(tools::find("chromium"), &dir);
        command
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-quic",
                "--no-first-run",
                "--no-default-browser-check",
                // Nothing of its own: neither updates nor lists, which no network answers here.
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-default-apps",
                "--disable-extensions",
                "--disable-sync",
                "--no-proxy-server",
                "--password-store=basic",
                "--remote-debugging-port=0",
            ])
            .arg(format!("--user-data-dir={}", dir.join("profile").display()))
            .env("HOME", &dir)
            .arg(url)
            .stdout(log.try_clone().expect("one more handle of the log"))
            .stderr(log);
        Browser { child: command.spawn().expect("start chromium"), dir }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It leads a process group of its own, so its helpers go with it.
        if let Ok(pid) = i32::try_from(self.child.id())
            && let Some(pid) = Pid::from_raw(pid)
        {
            let _ = kill_process_group(pid, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

/// Opens the page and waits until `done` gives something; a browser that does not get there is started once more.
pub(crate) fn visit<T>(url: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let mut words = String::new();
    for _ in 0..2 {
        let browser = Browser::open(url);
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Some(result) = done() {
                return result;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        words = tools::tail(&browser.dir.join("log"));
    }
    panic!("chromium did not finish {url} in {PATIENCE:?}, twice:\n{words}");
}
