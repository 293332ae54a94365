//! Alerts through the program: every sink, what fails, and what the doctor says.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::thread;
use std::time::Duration;

use decnet_tests::office::two_people;
use decnet_tests::world::{World, folder, list, text};
use serde_json::Value;

/// How long a listener waits for what was sent already, before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// Answers one request with 204, and gives its text.
fn hook(listener: TcpListener) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let (connection, _) = listener.accept().expect("a request");
        connection
            .set_read_timeout(Some(PATIENCE))
            .expect("it is open");
        let mut reader = BufReader::new(connection);
        let mut request = String::new();
        while !request.ends_with("\r\n\r\n") {
            assert!(
                reader.read_line(&mut request).expect("a line") > 0,
                "{request}"
            );
        }
        let length = request.lines().find_map(|line| {
            line.to_lowercase()
                .strip_prefix("content-length: ")?
                .parse()
                .ok()
        });
        let mut body = vec![0; length.expect("a length")];
        reader.read_exact(&mut body).expect("a body");
        request.push_str(&String::from_utf8(body).expect("text"));
        write!(reader.into_inner(), "HTTP/1.1 204 No Content\r\n\r\n").expect("it waits");
        request
    })
}

#[test]
fn a_test_alert_gets_to_every_sink() {
    let daemon = UdpSocket::bind("127.0.0.1:0").expect("a port");
    daemon.set_read_timeout(Some(PATIENCE)).expect("it is open");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let world = World::new(
        &two_people(),
        &format!(
            "[alerts]\nfile = \"alerts.jsonl\"\nsyslog = \"udp://{}\"\n\
             webhook = \"http://{}/s3cret\"\nwebhook_token_file = \"token\"\n",
            daemon.local_addr().expect("it is bound"),
            listener.local_addr().expect("it is bound"),
        ),
    );
    world.write("token", "t0ken\n");
    let hook = hook(listener);
    let report = world.decnet.json(["alerts", "test", "--json"]);
    let id = text(&report["id"]);
    assert_eq!(report["failed"], 0, "{report}");
    assert_eq!(
        report["sinks"].as_array().map(Vec::len),
        Some(3),
        "{report}"
    );

    let lines = fs::read_to_string(world.path("alerts.jsonl")).expect("the file");
    let line: Value = serde_json::from_str(lines.trim_end()).expect("one line of JSON");
    assert_eq!((text(&line["id"]), text(&line["kind"])), (id, "test"));
    let mode = fs::metadata(world.path("alerts.jsonl"))
        .expect("the file")
        .permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);

    let mut buffer = [0; 4_096];
    let length = daemon.recv(&mut buffer).expect("a datagram");
    let message = String::from_utf8_lossy(&buffer[..length]);
    assert!(message.starts_with("<134>1 20"), "{message}");
    let data = format!(" decnet {} test [decnet@32473 id=\"{id}\" ", "PID");
    let (before, after) = data.split_once("PID").expect("it is in there");
    assert!(
        message.contains(before) && message.contains(after),
        "{message}"
    );

    let request = hook.join().expect("it was asked");
    assert!(
        request.starts_with("POST /s3cret HTTP/1.1\r\n"),
        "{request}"
    );
    let lower = request.to_lowercase();
    assert!(
        lower.contains("authorization: bearer t0ken\r\n"),
        "{request}"
    );
    assert!(
        lower.contains(&format!("idempotency-key: {id}\r\n")),
        "{request}"
    );
    assert!(request.ends_with(lines.trim_end()), "{request}");
}

#[test]
fn a_sink_that_fails_is_named_and_holds_up_no_other() {
    let free = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port that nobody listens on");
    let world = World::new(
        &two_people(),
        &format!(
            "[alerts]\nfile = \"alerts.jsonl\"\nsyslog = \"tcp://{free}\"\n\
             webhook = \"http://{free}/s3cret\"\n"
        ),
    );
    let ended = world.decnet.run(["alerts", "test"]);
    assert_eq!(ended.code, Some(69), "{ended:?}");
    assert_eq!(ended.stdout.matches("sent\n").count(), 1, "{ended:?}");
    assert_eq!(
        ended.stdout.matches("failed: cannot").count(),
        2,
        "{ended:?}"
    );
    let said = format!("{}{}", ended.stdout, ended.stderr);
    assert!(!said.contains("s3cret"), "{said}");
    assert!(ended.stderr.contains("2 of 3 sinks"), "{ended:?}");
}

#[test]
fn the_socket_of_the_machine_takes_alerts() {
    let world = World::new(&two_people(), "[alerts]\nsyslog = \"unix:/nowhere/log\"\n");
    let ended = world.decnet.run(["alerts", "test"]);
    assert_eq!(ended.code, Some(69), "{ended:?}");
    let home = folder();
    let path = home.path().join("log");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("it is open");
    let settings = format!("[alerts]\nsyslog = \"unix:{}\"\n", path.display());
    let world = World::new(&two_people(), &settings);
    world.decnet.ok(["alerts", "test"]);
    let mut buffer = [0; 4_096];
    let length = socket.recv(&mut buffer).expect("a datagram");
    assert!(buffer[..length].starts_with(b"<134>1 "));
}

#[test]
fn the_doctor_says_which_sinks_cannot_work() {
    let world = World::new(
        &two_people(),
        "[alerts]\nfile = \"none/alerts.jsonl\"\nsyslog = \"unix:/nowhere/log\"\n\
         webhook = \"http://hooks.example/s3cret\"\nwebhook_token_file = \"token\"\n",
    );
    world.write("token", "t0ken\n");
    let readable = fs::Permissions::from_mode(0o644);
    fs::set_permissions(world.path("token"), readable).expect("it is ours");
    let ended = world.decnet.run(["doctor", "--json"]);
    assert_eq!(ended.code, Some(69), "{ended:?}");
    let report = ended.json();
    let found: Vec<(&str, &str)> = list(&report["findings"])
        .map(|finding| (text(&finding["subject"]), text(&finding["severity"])))
        .filter(|(subject, _)| subject.starts_with("alerts"))
        .collect();
    let expected = [
        ("alerts.file", "problem"),
        ("alerts.syslog", "problem"),
        ("alerts.webhook", "warning"),
        ("alerts.webhook", "warning"),
    ];
    assert_eq!(found, expected);
    assert!(!ended.stdout.contains("s3cret") && !ended.stdout.contains("t0ken"));
}

#[test]
fn a_configuration_that_is_wrong_is_refused_without_its_secret() {
    for (settings, said) in [
        ("syslog = \"logs.example\"", "alerts.syslog: "),
        ("webhook = \"ftp://h/s3cret\"", "alerts.webhook: "),
        ("webhook = \"https://user:s3cret@h\"", "alerts.webhook: "),
        ("sylsog = \"udp://h\"", "sylsog"),
    ] {
        let world = World::unapplied(&two_people(), &format!("[alerts]\n{settings}\n"));
        let ended = world.decnet.run(["alerts", "test"]);
        assert_eq!(ended.code, Some(78), "{ended:?}");
        assert!(ended.stderr.contains(said), "{ended:?}");
        assert!(!ended.stderr.contains("s3cret"), "{ended:?}");
    }
}

#[test]
fn without_a_sink_there_is_nothing_to_test() {
    let world = World::new(&two_people(), "");
    let ended = world.decnet.run(["alerts", "test"]);
    assert_eq!(ended.code, Some(78), "{ended:?}");
    assert_eq!(world.decnet.ok(["alerts", "list"]).stdout, "no alerts\n");
    assert_eq!(
        world.decnet.json(["alerts", "list", "--json"]),
        Value::Array(vec![])
    );
    let ended = world.decnet.run(["alerts", "list", "--kind", "No Kind"]);
    assert_eq!(ended.code, Some(64), "{ended:?}");
}
