//! Conversations with the core: who sends what, and what everybody hears.

use super::*;
use proptest::prelude::*;
use std::time::Duration;

/// A server with clients, each known by a number.
struct Talk {
    core: Core,
}

impl Talk {
    fn new(sign_in: bool) -> Self {
        let settings = Settings { channels_max: 3, ..Settings::default() };
        Self { core: Core::new(settings, sign_in) }
    }

    /// A server where the given nicknames are registered as clients 0, 1, 2 …
    fn with(nicks: &[&str]) -> Self {
        let mut talk = Self::new(false);
        for (id, nick) in (0..).zip(nicks) {
            talk.connect(id);
            talk.say(id, &format!("NICK {nick}"));
            talk.say(id, &format!("USER {nick} 0 * :Real {nick}"));
        }
        talk
    }

    fn connect(&mut self, id: ClientId) {
        self.core.handle(id, Input::Connected { host: "h".to_owned() });
    }

    /// What the line causes, as `client < line` or another short note.
    fn say(&mut self, id: ClientId, line: &str) -> Vec<String> {
        self.input(id, Input::Line(line.as_bytes().to_vec()))
    }

    fn input(&mut self, id: ClientId, input: Input) -> Vec<String> {
        self.core.handle(id, input).into_iter().flat_map(notes).collect()
    }
}

/// What a disk that takes everything lets happen.
fn notes(output: Output) -> Vec<String> {
    match output {
        Output::Keep(kept) => kept.sends.into_iter().map(|(to, line)| note(Output::Send(to, line))).collect(),
        other => vec![note(other)],
    }
}

fn note(output: Output) -> String {
    match output {
        Output::Send(to, line) => format!("{to} < {}", line.trim_end()),
        Output::Keep(kept) => format!("keep {}", kept.line.trim_end()),
        Output::Close(id) => format!("{id} closed"),
        Output::Verify(id, token) => format!("{id} verify {token}"),
        Output::Record(Event::LoginRefused { nick, why }) => format!("recorded {nick}: {why}"),
        Output::Record(other) => format!("recorded {other:?}"),
    }
}

fn numbers(notes: &[String]) -> Vec<&str> {
    notes.iter().filter_map(|note| note.split(' ').nth(3)).collect()
}

#[test]
fn registers_in_either_order_and_after_negotiation() {
    let welcome = ["001", "002", "003", "004", "005", "422"];
    for lines in [["NICK ada", "USER a 0 * :A"], ["USER a 0 * :A", "NICK ada"]] {
        let mut talk = Talk::new(false);
        talk.connect(0);
        assert_eq!(talk.say(0, lines[0]), [""; 0]);
        assert_eq!(numbers(&talk.say(0, lines[1])), welcome);
    }
    let mut talk = Talk::new(false);
    talk.connect(0);
    assert_eq!(talk.say(0, "CAP LS 302"), ["0 < :chat CAP * LS :echo-message server-time"]);
    talk.say(0, "NICK ada");
    assert_eq!(talk.say(0, "USER a 0 * :A"), [""; 0]);
    assert_eq!(talk.say(0, "CAP REQ :sasl"), ["0 < :chat CAP ada NAK sasl"]);
    assert_eq!(numbers(&talk.say(0, "CAP END")), welcome);
}

#[test]
fn tells_what_is_wrong() {
    let table = [
        (1, "JOIN #a", "451"),
        (1, "NICK", "431"),
        (1, "NICK 1x", "432"),
        (1, "NICK ADA", "433"),
        (1, "USER a", "461"),
        (0, "USER a 0 * :A", "462"),
        (0, "PASS x", "462"),
        (0, "BOGUS", "421"),
        (0, "JOIN", "461"),
        (0, "JOIN war", "403"),
        (0, "PART #a", "403"),
        (0, "TOPIC #a", "403"),
        (0, "MODE #a", "403"),
        (0, "MODE bob +i", "502"),
        (0, "PRIVMSG", "411"),
        (0, "PRIVMSG bob", "412"),
        (0, "PRIVMSG bob :x", "401"),
        (0, "PRIVMSG #a :x", "403"),
        (0, "WHOIS bob", "401"),
        (0, "PING", "409"),
    ];
    for (id, line, number) in table {
        let mut talk = Talk::with(&["ada"]);
        talk.connect(1);
        assert_eq!(numbers(&talk.say(id, line)).first(), Some(&number), "{line}");
    }
    let mut talk = Talk::with(&["ada"]);
    assert_eq!(talk.input(0, Input::TooLong), ["0 < :chat 417 ada :Input line was too long"]);
}

#[test]
fn a_channels_message_is_kept_before_anybody_hears_it() {
    let mut talk = Talk::with(&["ada", "bob"]);
    for id in [0, 1] {
        talk.say(id, "JOIN #War");
    }
    assert_eq!(talk.say(0, "CAP REQ :echo-message"), ["0 < :chat CAP ada ACK echo-message"]);
    let outputs = talk.core.handle(0, Input::Line(b"PRIVMSG #war :all down".to_vec()));
    let line = ":ada!ada@h PRIVMSG #War :all down\r\n".to_owned();
    let kept = Kept {
        line: "ada #War all down\n".to_owned(),
        sends: vec![(1, line.clone()), (0, line)],
        refusal: (0, ":chat 400 ada #War :The message cannot be kept\r\n".to_owned()),
    };
    assert_eq!(outputs, [Output::Keep(kept)]);
}

#[test]
fn whoever_joins_is_shown_the_last_messages_there() {
    let at = Duration::from_millis(1_633_361_940_250);
    for (history_shown, expected) in
        [(0, vec![]), (2, vec!["two", "three"]), (9, vec!["one", "two", "three"])]
    {
        let mut talk = Talk::with(&["ada", "bob", "eve"]);
        talk.core.settings.history_shown = history_shown;
        for text in ["one", "two", "three"] {
            talk.core.kept(&history::timed(at, &history::line("ada", "#War", text)));
        }
        talk.core.kept(&history::timed(at, &history::line("ada", "#peace", "four")));
        talk.core.kept("torn");
        // Only whoever asked is told when.
        assert_eq!(talk.say(2, "CAP REQ :server-time"), ["2 < :chat CAP eve ACK server-time"]);
        for (id, when) in [(1, ""), (2, "@time=2021-10-04T15:39:00.250Z ")] {
            let joined = talk.say(id, "JOIN #war");
            let notices: Vec<&String> = joined.iter().filter(|line| line.contains("NOTICE")).collect();
            let shown: Vec<String> =
                expected.iter().map(|text| format!("{id} < {when}:chat NOTICE #war :ada: {text}")).collect();
            assert_eq!(notices, shown.iter().collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_channel_carries_what_its_members_say() {
    let mut talk = Talk::with(&["ada", "bob", "eve"]);
    assert_eq!(
        talk.say(0, "JOIN #War"),
        [
            "0 < :ada!ada@h JOIN #War",
            "0 < :chat 353 ada = #War ada",
            "0 < :chat 366 ada #War :End of NAMES list"
        ]
    );
    talk.say(0, "TOPIC #war :all down");
    assert_eq!(
        talk.say(1, "JOIN #wAR"),
        [
            "0 < :bob!bob@h JOIN #War",
            "1 < :bob!bob@h JOIN #War",
            "1 < :chat 332 bob #War :all down",
            "1 < :chat 353 bob = #War :ada bob",
            "1 < :chat 366 bob #War :End of NAMES list",
        ]
    );
    assert_eq!(talk.say(1, "PRIVMSG #WAR :on my way"), ["0 < :bob!bob@h PRIVMSG #War :on my way"]);
    assert_eq!(numbers(&talk.say(2, "PRIVMSG #war :me too")), ["404"]);
    assert_eq!(talk.say(2, "NOTICE #war :me too"), [""; 0]);
    assert_eq!(talk.say(2, "PRIVMSG ADA :let me in"), ["0 < :eve!eve@h PRIVMSG ada :let me in"]);
    assert_eq!(
        talk.say(1, "PART #war :bye"),
        ["0 < :bob!bob@h PART #War bye", "1 < :bob!bob@h PART #War bye"]
    );
    assert_eq!(talk.say(1, "PART #war"), ["1 < :chat 442 bob #war :You are not on that channel"]);
}

#[test]
fn who_leaves_is_forgotten_and_announced_once() {
    let mut talk = Talk::with(&["ada", "bob"]);
    for (id, line) in [(0, "JOIN #a,#b"), (1, "JOIN #a,#b")] {
        talk.say(id, line);
    }
    assert_eq!(talk.say(1, "NICK rob"), ["1 < :bob!bob@h NICK rob", "0 < :bob!bob@h NICK rob"]);
    assert_eq!(
        talk.say(1, "QUIT :home"),
        ["1 < ERROR :Closing link: h (Quit: home)", "0 < :rob!bob@h QUIT :Quit: home", "1 closed"]
    );
    assert_eq!(talk.say(1, "PRIVMSG #a :ghost"), [""; 0]);
    assert_eq!(talk.input(0, Input::Gone { why: "reset".into() }), ["0 closed"]);
    assert!(talk.core.clients.is_empty() && talk.core.nicks.is_empty() && talk.core.channels.is_empty());
}

#[test]
fn pings_once_then_drops() {
    let mut talk = Talk::with(&["ada"]);
    assert_eq!(talk.input(0, Input::Idle), ["0 < PING chat"]);
    talk.say(0, "PONG chat");
    assert_eq!(talk.input(0, Input::Idle), ["0 < PING chat"]);
    assert_eq!(talk.input(0, Input::Idle), ["0 < ERROR :Closing link: h (Ping timeout)", "0 closed"]);
    talk.connect(1);
    assert_eq!(talk.input(1, Input::Idle).last().map(String::as_str), Some("1 closed"));
}

#[test]
fn sign_in_decides_who_comes_in() {
    let login = |talk: &mut Talk, id, nick: &str, token: Option<&str>| {
        talk.connect(id);
        if let Some(token) = token {
            talk.say(id, &format!("PASS {token}"));
        }
        talk.say(id, &format!("NICK {nick}"));
        talk.say(id, &format!("USER {nick} 0 * :x"))
    };
    let mut talk = Talk::new(true);
    assert_eq!(login(&mut talk, 0, "eve", None).first().unwrap(), "recorded eve: sign in first");
    assert_eq!(login(&mut talk, 1, "ada", Some("9f")), ["1 verify 9f"]);
    assert_eq!(numbers(&talk.say(1, "JOIN #war")), ["451"]);
    let welcome = talk.input(1, Input::Verified(Ok("lovelace".into())));
    assert_eq!(welcome[0], "1 < :chat 001 ada :Welcome, ada!lovelace@h");

    login(&mut talk, 2, "bob", Some("xx"));
    let why = LoginRefusal::SignInUnreachable("timeout".into());
    assert_eq!(
        talk.input(2, Input::Verified(Err(why))),
        [
            "recorded bob: nobody vouches: timeout",
            "2 < :chat 464 bob :nobody vouches: timeout",
            "2 < ERROR :Closing link: h (nobody vouches: timeout)",
            "2 closed",
        ]
    );
    // Whoever is in stays in.
    assert_eq!(talk.say(1, "PING x"), ["1 < :chat PONG chat x"]);
}

#[test]
fn answers_questions() {
    let mut talk = Talk::with(&["ada", "bob"]);
    talk.say(0, "JOIN #war");
    let table: [(&str, &[&str]); 8] = [
        ("LIST", &["1 < :chat 322 bob #war 1 :", "1 < :chat 323 bob :End of LIST"]),
        ("NAMES #war", &["1 < :chat 353 bob = #war ada", "1 < :chat 366 bob #war :End of NAMES list"]),
        (
            "WHO #war",
            &[
                "1 < :chat 352 bob #war ada h chat ada H :0 Real ada",
                "1 < :chat 315 bob #war :End of WHO list",
            ],
        ),
        ("WHO nobody", &["1 < :chat 315 bob nobody :End of WHO list"]),
        ("MODE #war", &["1 < :chat 324 bob #war +n"]),
        ("MODE #war b", &["1 < :chat 368 bob #war :End of channel ban list"]),
        ("MODE bob +i", &["1 < :chat 221 bob +"]),
        ("MOTD", &["1 < :chat 422 bob :No message of the day"]),
    ];
    for (line, expected) in table {
        assert_eq!(talk.say(1, line), expected, "{line}");
    }
    assert_eq!(numbers(&talk.say(1, "WHOIS ada")), ["311", "319", "312", "318"]);
}

#[test]
fn one_client_cannot_fill_the_server_with_channels() {
    let mut talk = Talk::with(&["ada"]);
    assert_eq!(numbers(&talk.say(0, "JOIN #a,#b,#c,#d")).last(), Some(&"405"));
    assert_eq!(talk.core.channels.len(), 3);
    talk.say(0, "JOIN 0");
    assert!(talk.core.channels.is_empty());
}

#[test]
fn long_member_lists_are_cut_between_nicknames() {
    let nicks: Vec<String> = (0..60).map(|n| format!("responder-{n:02}-on-the-bridge")).collect();
    let mut talk = Talk::with(&nicks.iter().map(String::as_str).collect::<Vec<_>>());
    for id in 0..60 {
        talk.say(id, "JOIN #war");
    }
    let replies = talk.say(0, "NAMES #war");
    assert!(replies.iter().all(|reply| reply.len() < 510));
    let told: usize = replies.iter().map(|reply| reply.matches("-on-the-bridge").count()).sum();
    // One more per reply: the name that each is addressed to.
    assert_eq!(told, 60 + replies.len());
}

fn command() -> impl Strategy<Value = String> {
    let verbs =
        "NICK|USER|JOIN|PART|TOPIC|NAMES|LIST|WHO|WHOIS|MODE|PRIVMSG|NOTICE|QUIT|CAP|PASS|PING|PONG|MOTD";
    (verbs, proptest::collection::vec("#?[ab,0+]{0,4}|:[ -~]{0,20}|LS|END", 0..4))
        .prop_map(|(verb, params)| format!("{verb} {}", params.join(" ")))
}

fn input() -> impl Strategy<Value = Input> {
    prop_oneof![
        8 => command().prop_map(|line| Input::Line(line.into_bytes())),
        2 => proptest::collection::vec(any::<u8>(), 0..80).prop_map(Input::Line),
        1 => Just(Input::Idle),
        1 => Just(Input::TooLong),
        1 => Just(Input::Connected { host: "::1".into() }),
        1 => Just(Input::Gone { why: "x".into() }),
        1 => Just(Input::Verified(Ok("a b".into()))),
    ]
}

proptest! {
    /// Whatever arrives, the three tables agree and every line that leaves is one line.
    #[test]
    fn the_tables_agree(sign_in: bool, inputs in proptest::collection::vec((0_u64..4, input()), 0..60)) {
        let mut core = Core::new(Settings::default(), sign_in);
        for (id, input) in inputs {
            // The shell never uses an id twice.
            if matches!(input, Input::Connected { .. }) && core.clients.contains_key(&id) {
                continue;
            }
            for output in core.handle(id, input) {
                if let Output::Send(_, line) = output {
                    prop_assert!(line.len() <= 512 && line.ends_with("\r\n"));
                    prop_assert_eq!(line.matches(['\r', '\n']).count(), 2);
                }
            }
            for (folded, channel) in &core.channels {
                prop_assert!(!channel.members.is_empty());
                for member in &channel.members {
                    prop_assert!(core.clients[member].channels.contains(folded));
                }
            }
            for (id, client) in &core.clients {
                prop_assert!(client.channels.iter().all(|name| core.channels[name].members.contains(id)));
                prop_assert!(client.nick.as_ref().is_none_or(|nick| core.nicks[&fold(nick)] == *id));
            }
            prop_assert!(core.nicks.values().all(|id| core.clients.contains_key(id)));
        }
    }
}
