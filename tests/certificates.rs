//! Whoever shows a certificate is believed by the clock of whoever looks. Steps tried in the smallest scenario.

use blackstart_tests::tried::{QUIET, tried_in, tried_with};

/// Where a push is the second factor, a clock that is off costs the certificate alone.
#[test]
fn a_certificate_is_believed_by_the_clock_of_whoever_looks() {
    let ada = "[[account]]\nname = 'ada'\nkind = 'sign-in'\nsecret = 'engine'\nphone = 'phone1'\n";
    let vpn = "who = { role = 'on-call' }\ndo = { vpn = 'one-hour-gateway', with = 'ada' }";
    let clock = |kind: &str| format!("[[fault]]\nat = '+0s'\nkind = '{kind}'\non = 'ada-laptop'\n");
    for (faults, verdict, why) in [
        (String::new(), "done", ""),
        (clock("clock-jump"), "blocked", "its certificate has expired by the clock here"),
        (clock("clock-back"), "blocked", "its certificate is not valid yet by the clock here"),
    ] {
        let night = tried_in(&(QUIET.to_owned() + &faults), "", ada, &[vpn]);
        let step = &night.runbook().steps[0];
        let saw = step.blocked_on.clone().unwrap_or_default();
        assert_eq!((step.verdict, saw.ends_with(why)), (verdict, true), "{faults}: {saw}");
    }
}

/// What else shows one: each lets people in by the right time, and is left alone by whoever has the wrong one.
#[test]
fn consoles_jump_hosts_chats_and_documents_show_certificates_too() {
    let ada = "[[account]]\nname = 'ada'\nkind = 'sign-in'\nsecret = 'engine'\nphone = 'phone1'\n";
    let card =
        "[[console]]\nname = 'oob.shop.example'\naddress = '198.51.100.70'\nrouters = ['dc-r1', 'dc-r2']\n";
    let hour = "certificate = { from = '2024-06-03T08:45:00Z', until = '2024-06-03T09:45:00Z' }";
    let more = format!(
        "[[service]]\nname = 'hop'\nhost = 'chat1'\n[service.run.jump-host]\nrouters = 'core-routers'\n\
         sign-in = '203.0.113.140:7100'\n{hour}\n\
         [[service]]\nname = 'hour-chat'\nhost = 'oob1'\n[service.run.chat]\nlisten = '0.0.0.0:6667'\nsettings = {{ {hour} }}\n\
         [[service]]\nname = 'docs'\nhost = 'oob1'\n[service.run.tool]\nhosts = ['docs.shop.example']\n\
         content = 'how to'\nsession = '12h'\nsign-in = '203.0.113.140:7100'\n{hour}\n\
         signed-in = [{{ person = 'Ada', at = '2024-06-03T06:00:00Z' }}]\n"
    );
    for action in [
        "login = 'remote', on = 'core-routers', with = 'break-glass'",
        "ssh = 'core-routers', through = 'hop', with = 'ada'",
        "chat = '#incident', on = 'hour-chat', to = 'guard', text = 'Are you there?'",
        "open = 'docs.shop.example'",
    ] {
        for (clock, verdict, why) in [
            ("", "done", ""),
            ("back", "blocked", "its certificate is not valid yet by the clock here"),
            ("jump", "blocked", "its certificate has expired by the clock here"),
        ] {
            let fault = format!("[[fault]]\nat = '+0s'\nkind = 'clock-{clock}'\non = 'ada-laptop'\n");
            let faults = QUIET.to_owned() + if clock.is_empty() { "" } else { &fault };
            let step = format!("who = {{ role = 'on-call' }}\ndo = {{ {action} }}");
            let people = format!("{ada}{card}");
            let night = tried_with(|known| known, &more, &faults, "", &people, &[&step]);
            let step = &night.runbook().steps[0];
            let saw = step.blocked_on.clone().unwrap_or_default();
            assert_eq!((step.verdict, saw.contains(why)), (verdict, true), "{action}, {clock}: {saw}");
            assert_eq!(saw.contains("certificate"), !clock.is_empty(), "{action}, {clock}: {saw}");
        }
    }
}
