//! Who hears that something is wrong, and what a long night does to those who are on duty: alerts with needs of their own,
//! shifts, phones, fatigue, calls in the middle of it, people who say no, and causes that are acted on too soon. The smallest
//! scenario, whose line goes down at 09:10.

use blackstart_tests::folder;
use blackstart_tests::night::{Night, three_services};
use blackstart_tests::tried::{AFTER, bare, tried, verdicts};
use blackstart_world::Event;

/// An estimate of exactly this.
fn exactly(length: &str) -> String {
    format!("{{ low = '{length}', likely = '{length}', high = '{length}', basis = 'assumption' }}")
}

fn task(name: &str, length: &str) -> String {
    format!("\n[[task]]\nname = '{name}'\ntakes = {}\n", exactly(length))
}

fn why(night: &Night, step: usize) -> String {
    night.runbook().steps[step].blocked_on.clone().unwrap_or_default()
}

fn events(night: &Night) -> Vec<Event> {
    night.events::<Event>().map(|(_, event)| event).collect()
}

const LOOK: &str = "who = { role = 'on-call' }\ndo = { observe = ['http.shop'] }";

fn host(name: &str, site: &str, router: &str, address: &str) -> String {
    format!("[[host]]\nname = '{name}'\nsite = '{site}'\nrouter = '{router}'\naddress = '{address}'\n")
}

/// Three chats, and an alert on a machine at this site that pages through one of them.
fn watched(site: &str, router: &str, chat: &str, more: &str) -> String {
    let chat_on = |name: &str, host: &str, more: &str| {
        format!(
            "[[service]]\nname = '{name}'\nhost = '{host}'\n[service.run.chat]\nlisten = '0.0.0.0:6667'\n{more}\n"
        )
    };
    let address = if site == "outside" { "198.51.100.90" } else { "203.0.113.43" };
    let resolver = if site == "outside" { "198.51.100.54:53" } else { "203.0.113.10:53" };
    host("chat1", "data-centre", "dc-r1", "203.0.113.44")
        + &chat_on("inside", "chat1", "")
        + &host("chat2", "outside", "isp-r1", "198.51.100.91")
        + &chat_on("outside", "chat2", "")
        + &host("chat3", "outside", "isp-r1", "198.51.100.92")
        + &chat_on("asks", "chat3", "identity = '203.0.113.140:7100'")
        + &host("monitor1", site, router, address)
        + &format!(
            "[[service]]\nname = 'shop-down'\nhost = 'monitor1'\n[service.run.alert]\nhost = 'www.shop.example'\n\
             resolvers = ['{resolver}']\nevery = '60s'\ntimeout = '20s'\nfall = 3\nchat = '{chat}'\n\
             channel = '#on-call'\nretry = '60s'\n{more}\n"
        )
}

/// What the alert's signal went through.
fn states(night: &Night) -> Vec<String> {
    night.history.of("alert.shop-down@monitor1").iter().map(|(_, value)| value.to_string()).collect()
}

#[test]
fn an_alert_has_needs_of_its_own() {
    let signs_in = "signs-in = { at = '203.0.113.140:7100', account = 'automation' }";
    let cases = [
        ("outside", "isp-r1", "outside", "", Some("delivered"), ""),
        ("outside", "isp-r1", "inside", "", Some("undelivered"), "cannot connect"),
        ("outside", "isp-r1", "asks", signs_in, Some("undelivered"), "sign-in: "),
        // Beside what it looks at, with the name server at hand, it sees nothing wrong.
        ("data-centre", "dc-r1", "inside", "", None, ""),
    ];
    for (site, router, chat, with, last, saw) in cases {
        let night = bare(&watched(site, router, chat, with), "", "", &[LOOK]);
        let states = states(&night);
        assert_eq!(states.last().map(String::as_str), last, "{site}, {chat}: {states:?}");
        let because = night.events::<blackstart_manage::Event>().any(|(_, event)| {
            use blackstart_manage::event::Alert;
            matches!(event, blackstart_manage::Event::Alert(Alert::Undelivered { why, .. }) if why.contains(saw))
        });
        assert_eq!(because, last == Some("undelivered"), "{site}, {chat}");
    }
}

/// The second way is taken when nobody says on the first that they have it, and has needs of its own.
#[test]
fn phones_are_called_when_nobody_says_that_they_have_it() {
    let reader = |after_s: u32| {
        host("desk1", "outside", "isp-r1", "198.51.100.93")
            + &format!(
                "[[service]]\nname = 'desk'\nhost = 'desk1'\n[service.run.chat-presence]\nserver = '198.51.100.91'\n\
                 nick = 'bob'\nchannel = '#on-call'\nanswers = {{ nick = 'alert-shop-down', after-s = {after_s} }}\n"
            )
    };
    let provider = |name: &str, site: &str, router: &str, address: &str| {
        host(name, site, router, address)
            + &format!("[[service]]\nname = '{name}'\nhost = '{name}'\n[service.run.push]\n")
    };
    let others = host("phone1", "outside", "isp-r1", "198.51.100.94")
        + &host("phone2", "outside", "isp-r1", "198.51.100.95")
        + &provider("calls-outside", "outside", "isp-r1", "198.51.100.96")
        + &provider("calls-inside", "data-centre", "dc-r1", "203.0.113.45");
    let (outside, inside) = ("198.51.100.96", "203.0.113.45");
    let dark = |phones: &[&str]| -> String {
        let off = |phone: &&str| format!("[[fault]]\nat = '+0s'\nkind = 'power-off'\non = '{phone}'\n");
        phones.iter().map(off).collect()
    };
    let (nobody, soon, late) = (String::new(), reader(60), reader(900));
    let cases = [
        ("outside", outside, &soon, dark(&[]), vec!["firing", "delivered", "acknowledged"], Some("bob")),
        ("outside", outside, &late, dark(&[]), vec!["firing", "delivered", "acknowledged"], Some("phone1")),
        ("inside", outside, &soon, dark(&[]), vec!["firing", "undelivered", "acknowledged"], Some("phone1")),
        (
            "outside",
            outside,
            &nobody,
            dark(&["phone1"]),
            vec!["firing", "delivered", "acknowledged"],
            Some("phone2"),
        ),
        (
            "outside",
            outside,
            &nobody,
            dark(&["phone1", "phone2"]),
            vec!["firing", "delivered", "unanswered"],
            None,
        ),
        ("outside", inside, &nobody, dark(&[]), vec!["firing", "delivered", "unanswered"], None),
        // Late is better than never.
        (
            "outside",
            inside,
            &late,
            dark(&[]),
            vec!["firing", "delivered", "unanswered", "acknowledged"],
            Some("bob"),
        ),
    ];
    for (chat, through, reader, faults, expected, who) in cases {
        let calls =
            format!("calls = {{ through = '{through}:7500', phones = ['phone1', 'phone2'], after = '5m' }}");
        let services = watched("outside", "isp-r1", chat, &calls) + &others + reader;
        let night = bare(&services, "", &faults, &[LOOK]);
        assert_eq!(states(&night), expected, "{chat}, {through}, {faults}");
        let by = night.events::<blackstart_manage::Event>().find_map(|(_, event)| match event {
            blackstart_manage::Event::Alert(blackstart_manage::event::Alert::Acknowledged { by, .. }) => {
                Some(by)
            }
            _ => None,
        });
        assert_eq!(by.as_deref(), who, "{chat}, {through}, {faults}");
    }
}

#[test]
fn whoever_comes_on_shift_must_learn_how_things_stand() {
    let mut people = task("brief", "7m") + &task("find-out", "40m") + "[shift-change]\nstays = '5m'\n";
    let worker = |name: &str, from: &str, until: &str| {
        format!(
            "[[person]]\nname = '{name}'\nroles = ['lead']\nat = 'home'\nitems = ['wallet-card']\nshift = {{ from = '{from}', until = '{until}' }}\n"
        )
    };
    people += &(worker("Eve", "01:00:00", "09:30:00") + &worker("Max", "09:25:00", "18:00:00"));
    let lead = "who = { role = 'lead' }\n";
    let open = format!("{lead}do = {{ convene = 'phone-bridge', by = 'wallet-card', roles = ['engineer'] }}");
    let look = format!("{lead}do = {{ observe = ['http.shop'] }}");
    let late = format!(
        "{lead}after = {{ signal = 'http.shop', is = 'ok', within = '45m', else = 's3' }}\ndo = {{ observe = ['http.shop'] }}"
    );
    // Ben was on the bridge all along; without him nobody is left who knows.
    let faults = "[[fault]]\nat = '+5m'\nkind = 'kill-service'\non = 'capacity-controller'\n";
    let wait = format!(
        "{lead}do = {{ observe = ['http.shop'] }}\ntries = 3\npause = '15m'\nuntil = {{ signal = 'http.shop', is = 'failing', from = '1 of 1 outside vantage points', within = '5m', else = 's3' }}"
    );
    let learned = |night: &Night| {
        events(night).into_iter().find_map(|event| match event {
            Event::Learned { person, from } => Some((person, from)),
            _ => None,
        })
    };
    let told = bare("", &people, faults, &[&open, &wait, &look]);
    assert_eq!(
        learned(&told),
        Some(("Max".to_owned(), Some("Ben".to_owned()))),
        "{:#?}",
        told.runbook().steps
    );
    let alone = bare("", &people, faults, &[&look, &wait, &look]);
    assert_eq!(learned(&alone), Some(("Max".to_owned(), None)));
    let took = |night: &Night| night.took("s3");
    assert!(
        took(&alone) >= took(&told) + std::time::Duration::from_secs(33 * 60 - 180),
        "what only Eve knew is gone"
    );
    // Unless it is said, nobody goes home.
    let without = people.replace("[shift-change]\nstays = '5m'\n", "");
    assert_eq!(learned(&bare("", &without, faults, &[&look, &late, &look])), None);
}

#[test]
fn whoever_has_been_up_for_long_is_slower_and_does_things_twice() {
    let fatigue =
        |chance: f64| format!("[fatigue]\nafter = '8h'\nslower-per-hour = 0.5\nslips-per-hour = {chance}\n");
    let awake = "[[person]]\nname = 'Tess'\nroles = ['tired']\nat = 'home'\non-duty-for = '10h'\n";
    let look = "who = { role = 'tired' }\ndo = { observe = ['http.shop'] }";
    let fresh = bare("", awake, "", &[look]).took("s1").as_secs_f64();
    let tired = bare("", &(fatigue(0.0) + awake), "", &[look]).took("s1").as_secs_f64();
    assert!((tired / fresh - 2.0).abs() < 0.01, "two hours too long, half as long again for each");
    let night = bare("", &(fatigue(1.0) + awake), "", &[look]);
    let twice = Event::Slipped { person: "Tess".to_owned(), task: "notice".to_owned() };
    assert!(events(&night).contains(&twice));
    assert!(night.took("s1").as_secs_f64() > tired * 1.2, "and once more");
}

#[test]
fn others_call_in_the_middle_of_it_unless_somebody_takes_the_calls() {
    let calls = format!(
        "[[interruption]]\nby = 'the press'\nrole = 'on-call'\ntaken-by = 'liaison'\nevery = {}\ntakes = {}\n",
        exactly("50s"),
        exactly("10m")
    );
    let liaison = "[[person]]\nname = 'Lia'\nroles = ['liaison']\nat = 'home'\n";
    let quiet = bare("", "", "", &[LOOK]).took("s1");
    let called = bare("", &calls, "", &[LOOK]);
    let lost = called.took("s1") - quiet;
    let by_whom = |night: &Night| {
        events(night).into_iter().find_map(|event| match event {
            Event::Interrupted { person, lost_s, .. } => Some((person, lost_s)),
            _ => None,
        })
    };
    assert_eq!(by_whom(&called), Some(("Ada".to_owned(), 600)));
    assert_eq!(lost.as_secs() % 600, 0, "{lost:?}");
    let shielded = bare("", &(calls + liaison), "", &[LOOK]);
    assert_eq!((by_whom(&shielded), shielded.took("s1")), (Some(("Lia".to_owned(), 0)), quiet));
}

#[test]
fn whoever_may_decide_may_say_no() {
    let chief = |more: &str| format!("[[person]]\nname = 'Cleo'\nroles = ['chief']\nat = 'home'\n{more}\n");
    let chat = "[[host]]\nname = 'chat1'\nsite = 'data-centre'\nrouter = 'dc-r1'\naddress = '203.0.113.44'\n\
                [[service]]\nname = 'phones'\nhost = 'chat1'\n[service.run.chat]\nlisten = '0.0.0.0:6667'\n\
                [[host]]\nname = 'cleo-laptop'\nsite = 'outside'\nrouter = 'isp-r1'\naddress = '198.51.100.93'\n";
    let down = "after = { signal = 'http.shop', is = 'failing', from = '1 of 1 outside vantage points', within = '1h', else = 'stop' }\n";
    let ask = |otherwise: &str| {
        format!(
            "who = {{ approvers = ['chief'] }}\n{down}do = {{ decide = 'emergency-access', record = 'paper-log', site = 'data-centre' }}\n\
             until = {{ signal = 'guard-has-names@data-centre', is = true, within = '1h', else = '{otherwise}' }}"
        )
    };
    let refused =
        |night: &Night| events(night).iter().filter(|it| matches!(it, Event::Refused { .. })).count();
    let says_no = bare("", &chief("refuses = { chance = 1.0 }"), "", &[&ask("stop")]);
    assert_eq!((verdicts(&says_no), why(&says_no, 0).as_str()), (vec!["blocked"], "Cleo says no"));
    let willing = bare("", &chief("refuses = { chance = 0.0 }"), "", &[&ask("stop")]);
    assert_eq!((verdicts(&willing), refused(&willing)), (vec!["done"], 0));
    // Escalated to somebody to whom she gives way.
    let open = "who = { role = 'on-call' }\ndo = { convene = 'phone-bridge', by = 'wallet-card', roles = ['chief'] }";
    let gives_way = chief("refuses = { chance = 1.0, gives-way-to = 'engineer' }");
    let escalated = bare("", &gives_way, "", &[open, &ask("escalate")]);
    assert_eq!(
        (verdicts(&escalated), refused(&escalated)),
        (vec!["done", "failed-over"], 1),
        "{:#?}",
        escalated.runbook().steps
    );
    // Nobody can call back a phone that died with the company.
    let phone = "laptop = 'cleo-laptop'\nphone = 'phones'";
    let checked = bare(chat, &(chief(phone) + "[call-back]\ntries = 2\n"), "", &[&ask("stop")]);
    assert!(why(&checked, 0).starts_with("Cleo cannot be called back: chat: "), "{}", why(&checked, 0));
    assert_eq!(verdicts(&bare(chat, &chief(phone), "", &[&ask("stop")])), ["done"], "nobody asked");
}

/// Whoever takes it for an attack shuts users out, and lets them in again once they have seen that it is none.
#[test]
fn a_wrong_cause_is_acted_on_and_taken_back() {
    let admission = "[[host]]\nname = 'admission1'\nsite = 'outside'\nrouter = 'isp-r1'\naddress = '198.51.100.94'\n\
                     [[service]]\nname = 'admission'\nhost = 'admission1'\n[service.run.admission]\ntoken = 'keys'\n";
    let belief = |refuted: &str| {
        format!(
            "[[belief]]\nname = 'it is an attack'\nadmits = 5\nsuggested-by = {{ signal = 'http.shop', is = 'failing' }}\n\
             refuted-by = {{ signal = 'dns.shop', is = '{refuted}' }}\n"
        ) + &task("look", "4m")
    };
    let down = "who = { role = 'on-call' }\nafter = { signal = 'http.shop', is = 'failing', from = '1 of 1 outside vantage points', within = '1h', else = 'stop' }\ndo = { observe = ['http.shop'] }";
    let shares = |night: &Night| {
        let shares = events(night).into_iter().filter_map(|event| match event {
            Event::Admitted { percent } => Some(percent),
            _ => None,
        });
        shares.collect::<Vec<_>>()
    };
    let undone = bare(admission, &belief("failing"), "", &[down]);
    assert_eq!(shares(&undone), [5, 100]);
    let acted = Event::ActedOn { person: "Ada".to_owned(), cause: "it is an attack".to_owned(), percent: 5 };
    assert!(events(&undone).contains(&acted));
    assert_eq!(shares(&bare(admission, &belief("teapot"), "", &[down])), [5], "nothing spoke against it");
    let calm = bare(admission, &belief("failing").replace("admits = 5\n", ""), "", &[down]);
    assert_eq!(shares(&calm), [] as [u32; 0]);
}

#[test]
fn who_is_off_shift_is_called_at_home_or_not_at_all() {
    let nina = |more: &str| {
        format!(
            "[[person]]\nname = 'Nina'\nroles = ['night-lead']\nat = 'hall'\nshift = {{ from = '20:00:00', until = '06:00:00' }}\n{more}"
        )
    };
    let open = [
        "who = { role = 'on-call' }\ndo = { convene = 'phone-bridge', by = 'wallet-card', roles = ['night-lead', 'engineer'] }",
        "who = { role = 'night-lead' }\ndo = { travel = 'data-centre' }",
    ];
    let at_home = tried("", &nina("home = 'home'\n"), &open);
    assert_eq!(verdicts(&at_home), ["done"; 2], "{:#?}", at_home.runbook().steps);
    assert!(at_home.took("s2") > std::time::Duration::from_secs(900), "from home, not from the hall");
    // The run begins at nine and ends at eleven: no word of hers is heard in it.
    let copy = folder::copy(&three_services());
    folder::write(&copy, "people.toml", &(folder::read(&copy, "people.toml") + &nina("")));
    let text = folder::read(&copy, "runbooks/bring-it-back.md").replacen(
        "## Enter",
        &format!("## Ask\n\n```toml step\n{}\n```\n\n## Enter", open[1]),
        1,
    );
    folder::write(&copy, "runbooks/bring-it-back.md", &text);
    let refused = blackstart_scenario::Scenario::load(copy.path(), None).unwrap_err().to_string();
    assert!(refused.contains("nobody on shift has the role `night-lead`"), "{refused}");
}

/// How long it takes to see what is wrong follows from what the instruments show.
#[test]
fn people_doubt_what_they_believe_first() {
    let belief = |suggested: &str, refuted: &str| {
        format!(
            "[[belief]]\nname = 'the shop is at fault'\nsuggested-by = {{ signal = 'http.shop', is = '{suggested}' }}\n\
             refuted-by = {{ signal = 'http.shop', is = '{refuted}' }}\n"
        )
    };
    let look =
        "[[task]]\nname = 'look'\ntakes = { low = '4m', likely = '4m', high = '4m', basis = 'assumption' }\n";
    let step = format!("who = {{ role = 'on-call' }}\n{AFTER}\ndo = {{ observe = ['http.shop'] }}");
    let took = |beliefs: &str| tried("", &format!("{beliefs}{look}"), &[&step]).took("s1").as_secs() / 60;
    let without = took("");
    for (suggested, refuted, looks) in
        [("200", "failing", 0), ("failing", "failing", 1), ("failing", "200", 3)]
    {
        assert_eq!(took(&belief(suggested, refuted)) - without, 4 * looks, "{suggested} {refuted}");
    }
    let another = belief("failing", "200").replace("the shop", "the line");
    let two = belief("failing", "failing") + &another;
    assert_eq!(took(&two) - without, 4 * 4, "one after the other");
}

/// Who was called and answered.
fn reached(night: &Night) -> Vec<String> {
    let called = |(_, event)| match event {
        Event::Called { person, .. } => Some(person),
        _ => None,
    };
    night.events::<Event>().filter_map(called).collect()
}

#[test]
fn a_phone_of_the_company_dies_with_it() {
    let mia = "[[person]]\nname = 'Mia'\nroles = ['lead']\nat = 'hall'\nlaptop = 'gus-laptop'\n";
    let of_the_company = format!("{mia}phone = 'chat'\n");
    let call = |after: &str| format!("who = {{ role = 'on-call' }}\n{after}\ndo = {{ call = ['lead'] }}");
    for (people, after, answers) in
        [(mia, AFTER, true), (of_the_company.as_str(), "", true), (of_the_company.as_str(), AFTER, false)]
    {
        let night = tried("", people, &[&call(after)]);
        assert_eq!(reached(&night).contains(&"Mia".to_owned()), answers, "{people} {after}");
    }
}

#[test]
fn without_the_list_people_call_whom_they_know() {
    let people = "[[item]]\nname = 'list'\nat = 'desk'\n\
        [[person]]\nname = 'Zoe'\nroles = ['caller']\nat = 'home'\nnumbers = ['Yan']\n\
        [[person]]\nname = 'Xia'\nroles = ['third']\nat = 'home'\n\
        [[person]]\nname = 'Yan'\nroles = ['second']\nat = 'home'\nnumbers = ['Xia', 'Zoe']\n\
        [[person]]\nname = 'Wim'\nroles = ['third']\nat = 'home'\n";
    let convene = "who = { role = 'caller' }\n\
        do = { convene = 'phone-bridge', by = 'list', roles = ['second', 'third'] }";
    let night = tried("", people, &[convene]);
    assert_eq!(verdicts(&night), ["done"], "{:#?}", night.runbook().steps);
    assert_eq!(reached(&night), ["Yan", "Xia"], "Yan knows Xia; nobody who was reached knows Wim");
    let alone = people.replace("numbers = ['Yan']", "numbers = ['Gus']");
    let night = tried("", &alone, &[convene]);
    assert_eq!(verdicts(&night), ["blocked"], "{:#?}", night.runbook().steps);
}

/// Whoever sleeps is passed over, and is asked in vain by a step that needs just them.
#[test]
fn a_phone_that_nobody_picks_up_is_passed_over() {
    let sleeper = |chance: f64| {
        format!(
            "[[person]]\nname = 'Xia'\nroles = ['second', 'lead']\nat = 'home'\nno-answer = {chance}\n\
             [[person]]\nname = 'Yan'\nroles = ['third']\nat = 'home'\n"
        )
    };
    let on_call = "who = { role = 'on-call' }\n";
    let convene = format!(
        "{on_call}do = {{ convene = 'phone-bridge', by = 'wallet-card', roles = ['second', 'third', 'lead'] }}"
    );
    let hand_over = format!("{on_call}do = {{ hand-over = 'on-call', to = 'lead' }}");
    for (chance, called, verdict) in [(0.0, vec!["Xia", "Yan"], "done"), (1.0, vec!["Yan"], "blocked")] {
        assert_eq!(reached(&tried("", &sleeper(chance), &[&convene])), called, "{chance}");
        let night = tried("", &sleeper(chance), &[&hand_over]);
        assert_eq!(verdicts(&night), [verdict], "{chance}");
        let saw = if verdict == "done" { "" } else { "Xia does not answer the phone" };
        assert_eq!(why(&night, 0), saw);
    }
    // Somebody with two roles is called once, and is there in both.
    let roles =
        |night: &Night| night.history.of("roles-present@phone-bridge").last().map(|(_, n)| n.to_string());
    assert_eq!(roles(&tried("", &sleeper(0.0), &[&convene])).as_deref(), Some("4"));
}
