//! What people remember shows in what they write: with a model that is told of it, and with the
//! offline writer. What things are called is the same in every mail.

use std::collections::BTreeSet;

use decnet_tests::memories::work_off;
use decnet_tests::misbehaving_server::{Behaviour, MisbehavingServer, NO_MEMORY};
use decnet_tests::office::{friday, office, tick_arguments, two_people};
use decnet_tests::world::{World, list, text};
use serde_json::Value;

const AGREED: &str = "Subject: Paper\n\nHi,\n\nwe agreed on 12,400 EUR with Papelera Lumen for the \
    paper of the second quarter.\n";
const SAID: &str = "12,400 EUR with Papelera Lumen";

/// The records of one tick at so many minutes into the day.
fn tick(world: &World, minute: u64, count: u32) -> Vec<Value> {
    let mut arguments = tick_arguments(minute, &friday(minute), count, 1);
    arguments.push("--json".to_owned());
    let report = world.decnet.run(arguments).succeeds().json();
    list(&report["delivered"]).cloned().collect()
}

fn recalled(record: &Value) -> Vec<i64> {
    let memories = record["written_by"]["recalled"].as_array();
    let memories = memories.into_iter().flatten();
    memories.filter_map(Value::as_i64).collect()
}

/// What the author of a mail wrote.
fn written(world: &World, record: &Value) -> String {
    let id = record["mail"].to_string();
    let mail = world.decnet.json(["emailgen", "show", &id, "--json"]);
    text(&mail["text"]).to_owned()
}

fn prompts(server: &MisbehavingServer) -> Vec<String> {
    let asked = server.asked();
    asked
        .iter()
        .map(|asked| asked.body["messages"].to_string())
        .collect()
}

#[test]
fn a_model_is_told_what_its_author_remembers_and_writes_of_it() {
    for (tokens, remembers) in [("400", true), ("0", false)] {
        let server = MisbehavingServer::start(Behaviour::Text(AGREED));
        let settings = format!(
            "[llm]\nbackend = \"openai\"\nmodel = \"small\"\nbase_url = \"{}\"\n\
             timeout = \"45s\"\n\
             [memory]\nscorer = \"rules\"\nrecall_tokens = {tokens}\n",
            server.url()
        );
        let world = World::new(&two_people(), &settings);
        let first = tick(&world, 0, 2);
        assert_eq!(first.len(), 2);
        assert!(
            prompts(&server)
                .iter()
                .all(|prompt| !prompt.contains("what it said:"))
        );
        work_off(&world);

        server.behave(Behaviour::Remembering);
        let before = server.asked().len();
        let later = tick(&world, 300, 6);
        let told = prompts(&server);
        let told = told.get(before..).expect("more was asked");
        let with_memory = told
            .iter()
            .filter(|prompt| prompt.contains("what it said:"))
            .count();
        let mut of_it = 0;
        for record in &later {
            // An answer that repeats what it answers is refused, and the offline writer takes over.
            if record["written_by"]["writer"] != "openai" {
                continue;
            }
            let text = written(&world, record);
            match recalled(record).is_empty() {
                true => assert!(text.contains(NO_MEMORY), "{text}"),
                false => of_it += usize::from(text.contains(SAID)),
            }
        }
        assert_eq!(
            of_it > 0,
            remembers,
            "{of_it} of {} speak of it",
            later.len()
        );
        assert_eq!(with_memory > 0, remembers, "{told:#?}");
    }
}

const PEOPLE: [(&str, &str); 3] = [("Ana Ruiz", "mx1"), ("Ben Cole", "mx1"), ("Cem Oz", "mx1")];

/// What everybody writes over some hours, each mail with the memories behind it; memories are made
/// after each tick.
fn story(tokens: u32) -> Vec<(String, String, Vec<i64>)> {
    let settings = format!("[memory]\nrecall_tokens = {tokens}\n");
    let world = World::new(&office(&PEOPLE), &settings);
    let mut mails = Vec::new();
    // Ticks of three days, each a day behind the other: what was just said is not remembered aloud.
    for (day, minute) in [("02", 600), ("03", 610), ("05", 620), ("06", 630)] {
        let now = format!("2026-03-{day}T{:02}:{:02}:00Z", minute / 60, minute % 60);
        let mut arguments = tick_arguments(minute, &now, 8, 4);
        arguments.push("--json".to_owned());
        let report = world.decnet.run(arguments).succeeds().json();
        for record in list(&report["delivered"]) {
            let topic = text(&record["topic"]).to_owned();
            mails.push((topic, written(&world, record), recalled(record)));
        }
        work_off(&world);
    }
    mails
}

#[test]
fn the_offline_writer_comes_back_to_what_was_written() {
    let (with, without) = (story(400), story(0));
    assert_eq!((with.len(), without.len()), (32, 32));
    assert!(without.iter().all(|(_, _, recalled)| recalled.is_empty()));
    let remembering = with
        .iter()
        .filter(|(_, _, recalled)| !recalled.is_empty())
        .count();
    assert!(remembering >= 16, "{remembering} of 32 remember something");
    let topics: BTreeSet<&str> = with.iter().map(|(topic, _, _)| topic.as_str()).collect();
    let comes_back = |(topic, text, _): &&(String, String, Vec<i64>)| {
        topics
            .iter()
            .any(|other| other != topic && text.contains(other))
    };
    let (told, untold) = (
        with.iter().filter(comes_back).count(),
        without.iter().filter(comes_back).count(),
    );
    assert!(
        told > untold,
        "{told} mails speak of other matters, {untold} without memories"
    );
    // The same memories give the same bytes.
    assert_eq!(with, story(400));
}

#[test]
fn a_matter_has_one_vendor_and_the_name_that_an_operator_gives_it() {
    let world = office(&PEOPLE).replacen(
        "name = \"office\"\n",
        "name = \"office\"\ntopics = [\"the supplier invoice\"]\n",
        1,
    );
    let world = World::new(&world, "");
    let vendors = |world: &World| -> Vec<(i64, String)> {
        let entries = world.decnet.json([
            "canon",
            "list",
            "--company",
            "office.example",
            "--kind",
            "vendor",
            "--json",
        ]);
        list(&entries)
            .filter_map(|entry| Some((entry["id"].as_i64()?, text(&entry["name"]).to_owned())))
            .collect()
    };
    let texts = |records: &[Value]| -> Vec<String> {
        let texts = records.iter().filter(|record| record["kind"] == "new");
        texts.map(|record| written(&world, record)).collect()
    };
    let first = texts(&tick(&world, 0, 12));
    let [(id, name)] = &vendors(&world)[..] else {
        panic!("one matter has vendors {:?}", vendors(&world));
    };
    let naming = first.iter().filter(|text| text.contains(name)).count();
    assert!(naming > 0, "{name} is in none of {first:#?}");

    world
        .decnet
        .ok(["canon", "rename", &id.to_string(), "Zebra Paper Ltd"]);
    let later = texts(&tick(&world, 400, 40));
    assert!(
        later.iter().any(|text| text.contains("Zebra Paper Ltd")),
        "{later:#?}"
    );
    assert!(
        !later.iter().any(|text| text.contains(name)),
        "{name} is still used: {later:#?}"
    );
    assert_eq!(vendors(&world), [(*id, "Zebra Paper Ltd".to_owned())]);
}
