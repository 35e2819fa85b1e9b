//! Judging a runbook by what a scenario offers: the one to aim at, then the same with one thing wrong.

use blackstart_rt::{Map, Set};
use blackstart_runbook::check::{Door, Findings, Observability, Person, Presence, Vocabulary, check};
use blackstart_runbook::read;
use blackstart_source::SourceFile;
use std::time::Duration;

const RESET: &str = include_str!("manual-datacenter-reset.md");

fn words(words: &str) -> Set<String> {
    words.split_whitespace().map(str::to_owned).collect()
}

fn counts(counts: &[(&str, usize)]) -> Map<String, usize> {
    counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

fn persons() -> Map<String, Person> {
    let person = |roles: &str, skills: &str, at: &str| Person {
        roles: words(roles),
        skills: words(skills),
        at: at.to_owned(),
        ..Person::default()
    };
    Map::from([
        ("ana".to_owned(), person("incident-commander", "", "home")),
        ("ben".to_owned(), person("backbone-lead", "backbone-router break-glass", "home")),
        ("cho".to_owned(), person("security-duty", "site-access", "home")),
        ("dee".to_owned(), person("comms far-site-technicians", "", "cage@prineville")),
    ])
}

fn signals() -> Map<String, Observability> {
    let site = || Observability::Site("santa-clara".to_owned());
    [
        ("roles-present@outside-bridge", Observability::Bridge("outside-bridge".to_owned())),
        ("guard-has-names@santa-clara", site()),
        ("team-at-gate@santa-clara", site()),
        ("team-inside@router-room", Observability::Place("router-room".to_owned())),
        ("privileged-prompt@console", Observability::Console),
        ("ports-shut-by-last-change@console", Observability::Console),
        ("data-centres-reachable@console", Observability::Console),
        ("dns.facebook.com@1.1.1.1", Observability::Public),
        ("sends-succeed@amsterdam", Observability::Public),
        ("status-page@inside", Observability::Company),
    ]
    .map(|(signal, seen)| (signal.to_owned(), seen))
    .into()
}

fn vocabulary() -> Vocabulary {
    let door = Door { place: "router-room".to_owned(), ways: words("badge guard-key-with-escort") };
    Vocabulary {
        roles: words("incident-commander backbone-lead security-duty comms far-site-technicians scribe"),
        skills: words("site-access break-glass backbone-router welding"),
        persons: persons(),
        sites: words("santa-clara prineville menlo-park"),
        places: [
            ("router-room", Some("santa-clara")),
            ("santa-clara/guard-desk", Some("santa-clara")),
            ("menlo-park/noc", Some("menlo-park")),
            ("cage@prineville", Some("prineville")),
            ("home", None),
        ]
        .map(|(place, site)| (place.to_owned(), site.map(str::to_owned)))
        .into(),
        doors: Map::from([("router-room".to_owned(), door)]),
        items: words("printed-list paper-log laptop console-cable code-generator"),
        machines: words("core1"),
        documents: words("wiki.example"),
        accounts: words("break-glass sign-in"),
        bridges: words("outside-bridge"),
        router_groups: counts(&[("backbone-routers", 8)]),
        link_groups: counts(&[("backbone-links", 12)]),
        chats: words("chat"),
        jump_hosts: words("jump-host"),
        vpns: words("vpn-gateway"),
        stores: Map::from([("store".to_owned(), words("new-line"))]),
        standbys: Map::from([("names-2".to_owned(), "names".to_owned())]),
        racks: words("rack-1"),
        named: Map::from([("names".to_owned(), Map::from([("www.example".to_owned(), words("10.0.0.1"))]))]),
        originates: ["r1", "r2"].map(|router| (router.to_owned(), words("10.0.0.0/8"))).into(),
        controllers: words("capacity-controller"),
        services: words("backbone names facebook instagram messenger whatsapp wiki"),
        signals: signals(),
        values: Map::from([("dns.facebook.com".to_owned(), words("NOERROR SERVFAIL"))]),
        vantage_groups: counts(&[("outside", 3)]),
        needs: words("names"),
        longest_run: Duration::from_secs(16 * 3600),
    }
}

fn findings(text: &str) -> Findings {
    let runbook = read(&SourceFile::new("r.md", text)).unwrap_or_else(|complaints| panic!("{complaints}"));
    check(&runbook, &vocabulary())
}

#[test]
fn the_reset_runbook_holds_in_its_scenario() {
    let found = findings(RESET);
    assert_eq!(found.errors.to_string(), "");
    let warning = "r.md:58:96: the need `site-power-rise` has no model, so the verdict will be inconclusive; \
                   add it to `assumes-up`, if it can be taken for granted";
    assert_eq!(found.warnings.to_string(), warning);
}

/// Each replaces the first words by the second ones in the reset runbook.
#[test]
fn one_thing_wrong() {
    let cases = [
        (
            "\"names\", ",
            "\"nams\", ",
            "r.md:4:25: unknown service `nams`; expected one of `backbone`, `facebook`, `instagram`, `messenger`, `names`, `whatsapp`, `wiki`; did you mean `names`?",
        ),
        (
            "menlo-park/noc",
            "menlo-park/nok",
            "r.md:5:11: unknown place `menlo-park/nok`; expected one of `cage@prineville`, `home`, `menlo-park/noc`, `router-room`, `santa-clara/guard-desk`, `menlo-park`, `prineville`, `santa-clara`; did you mean `menlo-park/noc`?",
        ),
        (
            "\"incident-commander\"",
            "\"incident-comander\"",
            "r.md:11:16: unknown role `incident-comander`; expected one of `backbone-lead`, `comms`, `far-site-technicians`, `incident-commander`, `scribe`, `security-duty`; did you mean `incident-commander`?",
        ),
        (
            "\"incident-commander\"",
            "\"scribe\"",
            "r.md:11:16: nobody has the role `scribe`; expected a person with this role in `people.toml`",
        ),
        (
            "\"comms\"]",
            "\"scribe\"]",
            "r.md:12:100: nobody has the role `scribe`; expected a person with this role in `people.toml`",
        ),
        (
            "\"outside-bridge\", by",
            "\"inside-bridge\", by",
            "r.md:12:18: unknown bridge `inside-bridge`; expected `outside-bridge`; did you mean `outside-bridge`?\nr.md:13:20: `incident-commander` cannot observe `roles-present`, seen only on `outside-bridge`; expected `convene = \"outside-bridge\"` with this actor first",
        ),
        (
            "roles-present@",
            "role-present@",
            "r.md:13:20: unknown signal `role-present@outside-bridge`; expected one of `data-centres-reachable@console`, `dns.facebook.com@1.1.1.1`, `guard-has-names@santa-clara`, `ports-shut-by-last-change@console`, `privileged-prompt@console`, `roles-present@outside-bridge`, `sends-succeed@amsterdam`, `status-page@inside`, `team-at-gate@santa-clara`, `team-inside@router-room`; did you mean `roles-present@outside-bridge`?",
        ),
        (
            "roles-present@outside-bridge",
            "dns.facebook.com",
            "r.md:13:20: unknown signal `dns.facebook.com`; expected `dns.facebook.com@1.1.1.1`; did you mean `dns.facebook.com@1.1.1.1`?\nr.md:13:20: unknown value of `dns.facebook.com` `4`; expected one of `NOERROR`, `SERVFAIL`",
        ),
        (
            "outside-bridge\", is = 4",
            "outside-bridge\", is = 7",
            "r.md:13:20: `roles-present@outside-bridge` counts roles, of which there are 6; expected a number up to 6",
        ),
        (
            "else = \"authorise\"",
            "else = \"autorise\"",
            "r.md:13:85: unknown step `autorise`; expected one of `declare`, `authorise`, `travel`, `enter`, `unlock`, `confirm`, `restore`, `ramp`, `stop`, `escalate`, `undo`, `previous-percent`; did you mean `authorise`?",
        ),
        (
            "record = \"paper-log\"",
            "record = \"paper\"",
            "r.md:19:51: unknown item or service `paper`; expected one of `code-generator`, `console-cable`, `laptop`, `paper-log`, `printed-list`, `backbone`, `facebook`, `instagram`, `messenger`, `names`, `whatsapp`, `wiki`",
        ),
        (
            "\"site-access\"",
            "\"site-acces\"",
            "r.md:25:35: unknown skill `site-acces`; expected one of `backbone-router`, `break-glass`, `site-access`, `welding`; did you mean `site-access`?",
        ),
        (
            "\"site-access\"",
            "\"welding\"",
            "r.md:25:35: nobody has the skill `welding`; expected a person with this skill in `people.toml`",
        ),
        (
            "\"console-cable\"",
            "\"console-kable\"",
            "r.md:26:51: unknown item `console-kable`; expected one of `code-generator`, `console-cable`, `laptop`, `paper-log`, `printed-list`; did you mean `console-cable`?",
        ),
        (
            "travel = \"santa-clara\"",
            "travel = \"prineville\"",
            "r.md:27:20: the team `reset` cannot observe `team-at-gate`, seen only at `santa-clara`; expected `travel = \"santa-clara\"` first\nr.md:32:16: the door `router-room` is at `santa-clara`, and nobody of this step is there; expected `travel = \"santa-clara\"` by the same actor first",
        ),
        (
            "enter = \"router-room\"",
            "enter = \"router-rom\"",
            "r.md:32:16: unknown door `router-rom`; expected `router-room`; did you mean `router-room`?\nr.md:33:20: the team `reset` cannot observe `team-inside`, seen only inside `router-room`; expected `enter` through a door to `router-room` first",
        ),
        (
            "\"guard-key-with-escort\"",
            "\"axe\"",
            "r.md:32:47: unknown way through the door `router-room` `axe`; expected one of `badge`, `guard-key-with-escort`",
        ),
        (
            "team-inside@router-room",
            "privileged-prompt@console",
            "r.md:33:20: the team `reset` cannot observe `privileged-prompt`, seen only on a console; expected `login` by the same actor first",
        ),
        (
            "on = \"backbone-routers\"",
            "on = \"backbone-router\"",
            "r.md:38:31: unknown group of routers `backbone-router`; expected `backbone-routers`; did you mean `backbone-routers`?",
        ),
        (
            "with = \"break-glass\"",
            "with = \"breakglass\"",
            "r.md:38:58: unknown account `breakglass`; expected one of `break-glass`, `sign-in`; did you mean `break-glass`?",
        ),
        (
            ", save = \"laptop\"",
            "",
            "r.md:52:34: nothing is saved on `laptop` by then; expected a `compare` with `save` in an earlier step",
        ),
        (
            "first = 1",
            "first = 13",
            "r.md:50:34: `first` is 13, but `backbone-links` has 12 links; expected `first` from 1 to 12",
        ),
        (
            "\"capacity-controller\"",
            "\"capacity\"",
            "r.md:50:97: unknown controller `capacity`; expected `capacity-controller`",
        ),
        (
            "2 of 3 outside vantage points",
            "2 of 4 outside vantage points",
            "r.md:57:63: there are 3 `outside` vantage points, not 4; expected `2 of 3 outside vantage points`",
        ),
        (
            "2 of 3 outside vantage points",
            "2 of 3 ourside vantage points",
            "r.md:57:63: unknown group of vantage points `ourside`; expected `outside`; did you mean `outside`?",
        ),
        (
            "\"NOERROR\"",
            "\"NOEROR\"",
            "r.md:57:20: unknown value of `dns.facebook.com` `NOEROR`; expected one of `NOERROR`, `SERVFAIL`; did you mean `NOERROR`?",
        ),
        (
            "\"dns.facebook.com\"",
            "\"dns.facebok.com\"",
            "r.md:57:20: unknown signal `dns.facebok.com`; expected one of `data-centres-reachable`, `dns.facebook.com`, `guard-has-names`, `ports-shut-by-last-change`, `privileged-prompt`, `roles-present`, `sends-succeed`, `status-page`, `team-at-gate`, `team-inside`; did you mean `dns.facebook.com`?",
        ),
    ];
    let found = cases.map(|(old, new, _)| {
        assert!(RESET.contains(old), "{old}");
        (new, findings(&RESET.replacen(old, new, 1)).errors.to_string())
    });
    let different: Vec<_> = found.iter().zip(cases).filter(|(found, case)| found.1 != case.2).collect();
    assert!(different.is_empty(), "{different:#?}");
}

/// Signals and the actors who cannot see them from where they stand.
#[test]
fn nobody_sees_further_than_they_stand() {
    let step = |who: &str, action: &str, signal: &str| {
        format!(
            "## S{}\n```toml step\nwho = {who}\ndo = {action}\n\
             until = {{ signal = '{signal}', at-least = 1, within = '1m', else = 'stop' }}\n```\n",
            signal.len() + action.len() + who.len()
        )
    };
    let ana = "{ role = 'incident-commander' }";
    let dee = "{ role = 'far-site-technicians' }";
    let team = "{ team = 'x', skills = ['site-access'] }";
    let look = "{ observe = [] }".replace("[]", "['dns.facebook.com@1.1.1.1']");
    let travel = "{ travel = 'menlo-park' }";
    let cases = [
        (vec![step(ana, &look, "dns.facebook.com@1.1.1.1")], ""),
        (
            vec![step(ana, &look, "status-page@inside")],
            "`incident-commander` cannot observe `status-page`, seen only from inside the company's network",
        ),
        (vec![step(dee, &look, "status-page@inside")], ""),
        (vec![step(ana, travel, "status-page@inside")], ""),
        (
            vec![step(ana, travel, "status-page@inside"), step(team, &look, "status-page@inside")],
            "the team `x` cannot observe `status-page`, seen only from inside the company's network",
        ),
        (
            vec![step(ana, "{ observe = ['team-inside@router-room'] }", "dns.facebook.com@1.1.1.1")],
            "`incident-commander` cannot observe `team-inside`, seen only inside `router-room`",
        ),
        (
            vec![step(
                ana,
                "{ login = 'remote', on = 'backbone-routers', with = 'sign-in' }",
                "privileged-prompt@console",
            )],
            "",
        ),
        (
            vec![
                step(
                    ana,
                    "{ login = 'remote', on = 'backbone-routers', with = 'sign-in' }",
                    "privileged-prompt@console",
                ),
                step(ana, travel, "privileged-prompt@console"),
            ],
            "`incident-commander` cannot observe `privileged-prompt`, seen only on a console",
        ),
        (
            vec![
                step(
                    ana,
                    "{ convene = 'outside-bridge', by = 'printed-list', roles = ['comms'] }",
                    "roles-present@outside-bridge",
                ),
                step(team, &look, "roles-present@outside-bridge"),
            ],
            "",
        ),
        (
            vec![
                step(
                    ana,
                    "{ convene = 'outside-bridge', by = 'printed-list', roles = ['comms'] }",
                    "roles-present@outside-bridge",
                ),
                step(dee, &look, "roles-present@outside-bridge"),
            ],
            "`far-site-technicians` cannot observe `roles-present`, seen only on `outside-bridge`",
        ),
    ];
    for (steps, message) in cases {
        let text = format!("# T\n{}", steps.concat());
        let errors = findings(&text).errors;
        let messages: Vec<&str> = errors.iter().map(|error| error.message()).collect();
        assert_eq!(messages.concat(), message, "{text}");
    }
}

/// `after` comes before the action: the team is not at the gate yet.
#[test]
fn after_is_judged_before_the_action() {
    let gate = "after = { signal = \"team-at-gate@santa-clara\", is = true, within = \"2h\", else = \"escalate\" }\n";
    let text = RESET.replace("do = { travel", &format!("{gate}do = {{ travel"));
    let error = "r.md:26:20: the team `reset` cannot observe `team-at-gate`, seen only at `santa-clara`; expected `travel = \"santa-clara\"` first";
    assert_eq!(findings(&text).errors.to_string(), error);
}

#[test]
fn approvers_are_different_people() {
    let text = RESET.replace("\"security-duty\", \"backbone-lead\"]", "\"comms\", \"far-site-technicians\"]");
    let error = "r.md:18:22: 2 people must agree, but only 1 can; expected different people in these roles";
    assert_eq!(findings(&text).errors.to_string(), error);

    // Moving the deputy from one role to the other fills both.
    let runbook = read(&SourceFile::new("r.md", text)).unwrap();
    let mut vocabulary = vocabulary();
    vocabulary.persons.get_mut("ana").unwrap().deputy_for = words("comms");
    assert_eq!(check(&runbook, &vocabulary).errors.to_string(), "");
}

#[test]
fn unwise_steps() {
    let cases = [
        (
            "until = { signal = \"team-at-gate@santa-clara\", is = true, within = \"2h\", else = \"escalate\" }\n",
            "",
            "r.md:22:1: the step `travel` verifies nothing; say with `until` what must be seen when it is done",
        ),
        (
            "until = { signal = \"sends-succeed\", at-least = \"95%\", from = \"3 of 3 outside vantage points\", within = \"3h\", else = \"previous-percent\" }\n",
            "",
            "r.md:54:1: the step `ramp` verifies nothing; say with `until` what must be seen when it is done\nr.md:54:1: the step `ramp` changes what users depend on and has no way back; add `undo`, and `until` with `else = \"undo\"`",
        ),
        (
            "else = \"undo\"",
            "else = \"stop\"",
            "r.md:47:1: the `undo` of the step `restore` is never done; `else = \"undo\"` in its `until`",
        ),
        (
            "undo = { apply",
            "then = \"end\"\nundo = { apply",
            "r.md:55:1: no way leads to the step `ramp`; name it in a `then` or an `else`; `restore` leads elsewhere",
        ),
        (
            "undo = { apply",
            "then = \"travel\"\nundo = { apply",
            "r.md:52:8: `then` goes back to `travel`; the steps go round in a circle until something changes\nr.md:55:1: no way leads to the step `ramp`; name it in a `then` or an `else`; `restore` leads elsewhere",
        ),
        (
            "within = \"2h\", else = \"escalate\"",
            "within = \"2h\", else = \"declare\"",
            "r.md:27:81: `else` goes back to `declare`; the steps go round in a circle until something changes",
        ),
        (
            "within = \"2h\", else = \"escalate\"",
            "within = \"900h\", else = \"escalate\"",
            "r.md:22:1: the step `travel` may wait for 900 h, and no run lasts longer than 16 h: its `else` never comes; a time after which somebody would try something else",
        ),
        (
            "\"mobile-carriers\"",
            "\"mobile-carrier\"",
            "r.md:6:15: nothing needs `mobile-carrier`, which is taken for granted; did you mean `mobile-carriers`?",
        ),
    ];
    for (old, new, warning) in cases {
        assert!(RESET.contains(old), "{old}");
        let power = "\"utility-power\"";
        let text = RESET.replacen(old, new, 1).replace(power, &format!("{power}, \"site-power-rise\""));
        assert_eq!(findings(&text).warnings.to_string(), warning, "{new}");
    }
}

#[test]
fn thousands_of_wrong_words_are_not_listed_one_by_one() {
    let many = "'nowhere', ".repeat(50_000);
    let text = format!("# T\n```toml runbook\nrestores = [{many}]\n```\n## S\n");
    assert_eq!(findings(&text).errors.len(), 100);
}

/// Each stands in the block of the reset runbook; whoever begins it is at home.
#[test]
fn what_calls_for_a_runbook() {
    let cases = [
        ("{ signal = 'dns.facebook.com', is = 'SERVFAIL', from = '2 of 3 outside vantage points' }", ""),
        (
            "{ signal = 'dns.facebook.com@1.1.1.1', is = 'NOERROR' }, { signal = 'sends-succeed@amsterdam', at-least = '95%' }",
            "",
        ),
        (
            "{ signal = 'status-page@inside', is = 'red' }",
            "r.md:5:24: `incident-commander` cannot see `status-page@inside` before the runbook begins; \
             expected a signal that is seen from where whoever does the first step is at first",
        ),
        (
            "{ signal = 'dns.facebook.com@1.1.1.1', is = 'NXDOMAIN' }",
            "r.md:5:24: unknown value of `dns.facebook.com@1.1.1.1` `NXDOMAIN`; expected one of `NOERROR`, `SERVFAIL`",
        ),
        (
            "{ signal = 'dns.facebook.com', is = 'SERVFAIL', from = '2 of 4 outside vantage points' }",
            "r.md:5:68: there are 3 `outside` vantage points, not 4; expected `2 of 3 outside vantage points`",
        ),
    ];
    for (line, error) in cases {
        let text = RESET.replacen("copies =", &format!("use-when = [{line}]\ncopies ="), 1);
        assert_eq!(findings(&text).errors.to_string(), error, "{line}");
    }
}

/// The first is at work when the run begins, the second is called at home, the third never answers.
#[test]
fn roles_that_nobody_on_shift_can_fill() {
    let runbook = read(&SourceFile::new("r.md", RESET)).unwrap();
    let cases = [
        (Presence::AtWork, "", ""),
        (
            Presence::Elsewhere,
            "",
            "r.md:12:100: nobody with the role `comms` is at work when the run begins; they are called at home, or come later",
        ),
        (
            Presence::Never,
            "r.md:12:100: nobody on shift has the role `comms`; expected a `shift` that falls into the run, or a `home` where they are called",
            "",
        ),
    ];
    for (presence, error, warning) in cases {
        let mut vocabulary = vocabulary();
        vocabulary.persons.get_mut("dee").unwrap().presence = presence;
        let found = check(&runbook, &vocabulary);
        assert_eq!(found.errors.iter().next().map(ToString::to_string).unwrap_or_default(), error);
        let warned = found.warnings.iter().map(ToString::to_string).find(|text| text.contains("comms"));
        assert_eq!(warned.unwrap_or_default(), warning);
    }
}

/// A change of what a router originates, and what is to take it back.
#[test]
fn an_undo_is_the_same_the_other_way_round() {
    let from_to =
        |from: &str, to: &str| format!("{{ fail-over = '10.0.0.0/8', from = '{from}', to = '{to}' }}");
    let order = |order: &str, on: &str| format!("{{ {order} = '10.0.0.0/8', on = '{on}' }}");
    let cases = [
        (order("announce", "r1"), order("withdraw", "r1"), ""),
        (
            order("withdraw", "r1"),
            order("announce", "r1"),
            "nothing announces 10.0.0.0/8 again after the step `s`",
        ),
        (
            order("announce", "r1"),
            order("withdraw", "r2"),
            "the `undo` of the step `s` does not take back what it did",
        ),
        (
            order("announce", "r1"),
            order("announce", "r1"),
            "the `undo` of the step `s` does not take back what it did",
        ),
        (from_to("r1", "r2"), from_to("r2", "r1"), ""),
        (
            from_to("r1", "r2"),
            from_to("r1", "r2"),
            "the `undo` of the step `s` does not take back what it did",
        ),
        (
            from_to("r1", "r2"),
            order("announce", "r1"),
            "the `undo` of the step `s` does not take back what it did",
        ),
    ];
    let until = "{ signal = 'dns.facebook.com@1.1.1.1', is = 'NOERROR', within = '1h', else = 'undo' }";
    for (action, undo, message) in cases {
        let text = format!(
            "# T\n## S\n```toml step\nwho = {{ role = 'incident-commander' }}\ndo = {action}\nuntil = {until}\nundo = {undo}\n```\n"
        );
        let warnings = findings(&text).warnings;
        let messages: Vec<&str> = warnings.iter().map(|warning| warning.message()).collect();
        assert_eq!(messages.concat(), message, "{text}");
    }
}
