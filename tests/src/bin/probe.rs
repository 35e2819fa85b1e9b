//! `probe QUESTION ADDRESS`: asks on real sockets and prints what they say; see `blackstart_tests::probe`.

use blackstart_rt as rt;
use blackstart_tests::probe::Question;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, question, peer] = arguments.as_slice() else { return usage() };
    let (Some(question), Ok(peer)) = (Question::from_name(question), peer.parse()) else { return usage() };
    let disk_root = std::env::temp_dir().join(format!("blackstart-probe-{}", std::process::id()));
    let options = rt::os::Options { host_name: "probe".to_owned(), disk_root: disk_root.clone() };
    let entered = rt::os::enter(options);
    let said = entered.map(|_guard| rt::os::block_on(question.ask(peer)));
    let _ = std::fs::remove_dir(disk_root);
    match said {
        Ok(said) => println!("{said}"),
        Err(error) => println!("cannot ask: {error}"),
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("probe connect|send|send-to|send-short ADDRESS:PORT");
    ExitCode::from(2)
}
