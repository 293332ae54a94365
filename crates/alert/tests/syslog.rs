//! Syslog over real sockets.

use std::io::Read;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use chrono::DateTime;
use decnet_alert::alert::{Alert, AlertId, AlertKind, Severity};
use decnet_alert::sink::{Sink, SinkError, SinkName};
use decnet_alert::sinks::syslog::{SyslogOrigin, SyslogSink, SyslogTarget, UDP_MAX};

const KIND: AlertKind = AlertKind::constant("quarantine");
/// How long a listener waits for what was sent already, before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);

fn alert(summary: &str) -> Alert {
    Alert::new(
        KIND,
        "session 1",
        Severity::Error,
        DateTime::UNIX_EPOCH,
        summary,
    )
    .unwrap()
    .with_fact("reason", "line 7 of \"a]b\" is no JSON")
}

const EXPECTED: &str = "<131>1 1970-01-01T00:00:00.000000Z sensor1 decnet 4711 quarantine \
    [decnet@32473 id=\"00000000000000000000000000000007\" kind=\"quarantine\" key=\"session 1\" \
    reason=\"line 7 of \\\"a\\]b\\\" is no JSON\"] session 1 is set aside";

async fn send_alert(target: &str, alert: &Alert) -> Result<(), SinkError> {
    let origin = SyslogOrigin {
        host: Some("sensor1".to_owned()),
        app: "decnet".to_owned(),
        process: Some("4711".to_owned()),
    };
    let target = SyslogTarget::parse(target).unwrap();
    SyslogSink::new(SinkName::constant("syslog"), target, origin)
        .send(AlertId(7), alert)
        .await
}

async fn send(target: &str) -> Result<(), SinkError> {
    send_alert(target, &alert("session 1 is set aside")).await
}

#[tokio::test]
async fn over_udp_a_message_is_a_datagram() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let listener = UdpSocket::bind(address).unwrap();
        listener.set_read_timeout(Some(PATIENCE)).unwrap();
        send(&format!("udp://{}", listener.local_addr().unwrap()))
            .await
            .unwrap();
        let mut buffer = [0; 4_096];
        let length = listener.recv(&mut buffer).unwrap();
        assert_eq!(str::from_utf8(&buffer[..length]).unwrap(), EXPECTED);
    }
}

#[tokio::test]
async fn a_datagram_is_bounded() {
    let listener = UdpSocket::bind("127.0.0.1:0").unwrap();
    listener.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut long = alert(&"ñ\"".repeat(400));
    for number in 0..24 {
        long = long.with_fact(&format!("fact{number}"), "ü".repeat(150));
    }
    let target = format!("udp://{}", listener.local_addr().unwrap());
    send_alert(&target, &long).await.unwrap();
    let mut buffer = vec![0; 65_536];
    let length = listener.recv(&mut buffer).unwrap();
    assert!(length <= UDP_MAX, "{length}");
    let message = str::from_utf8(&buffer[..length]).unwrap();
    assert!(message.ends_with(long.summary()), "{message}");
}

#[tokio::test]
async fn over_tcp_a_message_has_its_length_before_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("tcp://{}", listener.local_addr().unwrap());
    let receiver = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut text = String::new();
        connection.read_to_string(&mut text).unwrap();
        text
    });
    send(&target).await.unwrap();
    let text = receiver.join().unwrap();
    assert_eq!(text, format!("{} {EXPECTED}", EXPECTED.len()));
}

#[tokio::test]
async fn to_this_machine_a_message_is_a_datagram() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let listener = UnixDatagram::bind(&path).unwrap();
    listener.set_read_timeout(Some(PATIENCE)).unwrap();
    send(&format!("unix:{}", path.display())).await.unwrap();
    let mut buffer = [0; 4_096];
    let length = listener.recv(&mut buffer).unwrap();
    assert_eq!(str::from_utf8(&buffer[..length]).unwrap(), EXPECTED);
}

#[tokio::test]
async fn who_is_not_there_is_told() {
    // Ports that were free a moment ago.
    let udp = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    for target in [
        format!("udp://{udp}"),
        format!("tcp://{tcp}"),
        "unix:/nonexistent/log".to_owned(),
    ] {
        let error = send(&target).await.unwrap_err();
        assert!(error.is_transient(), "{error}");
        let said = error.to_string();
        assert!(
            said.starts_with(&format!("cannot send to {target}: ")),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_receiver_that_breaks_off_has_not_taken_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("tcp://{}", listener.local_addr().unwrap());
    let receiver = std::thread::spawn(move || {
        let (connection, _) = listener.accept().unwrap();
        // What has come and was not read turns the close into a reset.
        let mut byte = [0];
        connection.peek(&mut byte).unwrap();
        drop(connection);
    });
    let error = send(&target).await.unwrap_err();
    assert!(matches!(error, SinkError::Unreachable { .. }), "{error}");
    receiver.join().unwrap();
}

#[test]
fn targets_are_read_strictly() {
    let check = |target: &str, shown: &str| {
        assert_eq!(SyslogTarget::parse(target).unwrap().to_string(), shown);
    };
    check("udp://logs.example", "udp://logs.example:514");
    check("tcp://10.0.0.1:6514/", "tcp://10.0.0.1:6514");
    check("udp://[::1]", "udp://[::1]:514");
    check("unix:/dev/log", "unix:/dev/log");
    check("unix:///run/log", "unix:/run/log");
    let long = format!("udp://{}", "h".repeat(600));
    for wrong in [
        "",
        "logs.example",
        "udp:logs.example",
        "udp://",
        "udp://:514",
        "udp://h:0",
        "udp://h:70000",
        "udp://h:+1",
        "udp://h:",
        "udp://::1",
        "udp://[::1",
        "udp://[x]:1",
        "udp://[::1]x",
        "tls://h:6514",
        "unix:",
        "unix:/",
        "unix:dev/log",
        "udp://h\n",
        "udp://h/path",
        "udp://user@h",
        &long,
    ] {
        assert!(SyslogTarget::parse(wrong).is_err(), "{wrong:?}");
    }
}
