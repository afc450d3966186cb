//! The gate on plain sockets: what gets through, how, and what does not.

use std::{collections::HashMap, net::SocketAddr};

use greenroom::egress::{Egress, Enforcement, Gate, HostRules, Refused, Why};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::browser::site::{Answer, Site};

/// A listener that stands for the internet behind `*.example` on the usual ports.
async fn gate_to(upstream: SocketAddr, rules: &[&str]) -> Gate {
    let fixed = [80, 443].map(|port| (("*.example".to_owned(), port), upstream));
    let egress = Egress::for_test(upstream, Enforcement::On, HashMap::from(fixed));
    egress.gate(HostRules::parse(rules).unwrap()).await.unwrap()
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

/// Everything the gate answers until it closes.
async fn ask(gate: &Gate, request: &str) -> String {
    let mut stream = TcpStream::connect(gate.addr).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn exactly(stream: &mut TcpStream, count: usize) -> String {
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

fn why(gate: &Gate) -> Vec<(String, Why)> {
    gate.refusals().into_iter().map(|Refused { host, why, .. }| (host, why)).collect()
}

#[tokio::test]
async fn a_plain_request_goes_through_alone_on_its_connection() {
    let (upstream, addr) = listener().await;
    let gate = gate_to(addr, &["shop.example"]).await;
    let mut client = TcpStream::connect(gate.addr).await.unwrap();
    let second = "GET http://evil.example/second HTTP/1.1\r\n\r\n";
    let first =
        "POST http://shop.example/a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabc";
    client.write_all(format!("{first}{second}").as_bytes()).await.unwrap();

    let (mut served, _) = upstream.accept().await.unwrap();
    let expected = "POST /a?b=c HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc";
    assert_eq!(exactly(&mut served, expected.len()).await, expected);
    // It keeps its side open on purpose, as a careless server does.
    served.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok").await.unwrap();
    let expected = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    assert_eq!(exactly(&mut client, expected.len()).await, expected);
    drop(client);
    let mut rest = Vec::new();
    served.read_to_end(&mut rest).await.unwrap();
    assert!(rest.is_empty(), "nothing of the second request: {}", String::from_utf8_lossy(&rest));
}

#[tokio::test]
async fn a_tunnel_carries_bytes_until_the_rules_forbid_it_or_the_gate_closes() {
    let (upstream, addr) = listener().await;
    let gate = gate_to(addr, &["shop.example", "news.example"]).await;
    let open = async |host: &str| {
        let mut client = TcpStream::connect(gate.addr).await.unwrap();
        client.write_all(format!("CONNECT {host}:443 HTTP/1.1\r\n\r\nhello").as_bytes()).await.unwrap();
        let (mut served, _) = upstream.accept().await.unwrap();
        let established = "HTTP/1.1 200 Connection Established\r\n\r\n";
        assert_eq!(exactly(&mut client, established.len()).await, established);
        assert_eq!(exactly(&mut served, 5).await, "hello");
        served.write_all(b"there").await.unwrap();
        assert_eq!(exactly(&mut client, 5).await, "there");
        (client, served)
    };
    let (mut shop, _served) = open("shop.example").await;
    let (mut news, mut news_served) = open("news.example").await;
    gate.set_rules(HostRules::parse(&["news.example"]).unwrap());
    assert_eq!(shop.read(&mut [0; 1]).await.unwrap_or(0), 0, "no longer allowed");
    news_served.write_all(b"!").await.unwrap();
    assert_eq!(news.read(&mut [0; 1]).await.unwrap(), 1, "still allowed");
    drop(gate);
    assert_eq!(news.read(&mut [0; 1]).await.unwrap_or(0), 0, "the gate is closed");
}

#[tokio::test]
async fn what_is_not_allowed_gets_403_and_is_remembered() {
    let (_upstream, addr) = listener().await;
    let gate = gate_to(addr, &["shop.example"]).await;
    for request in [
        "CONNECT evil.example:443 HTTP/1.1\r\n\r\n",
        "CONNECT shop.example:8443 HTTP/1.1\r\n\r\n",
        "GET http://127.0.0.1:9/ HTTP/1.1\r\n\r\n",
        "GET http://[::1]/ HTTP/1.1\r\n\r\n",
        "GET http://shop.example.evil.example/ HTTP/1.1\r\n\r\n",
        "GET http://rehearsal.localhost:81/ HTTP/1.1\r\n\r\n",
    ] {
        assert!(ask(&gate, request).await.starts_with("HTTP/1.1 403 "), "{request}");
    }
    assert_eq!(why(&gate).len(), 6);
    assert_eq!(gate.refusals()[1].to_string(), "host shop.example:8443 is not on the host list");
    for request in
        ["GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n", "nonsense\r\n\r\n", "CONNECT shop.example HTTP/1.1\r\n\r\n"]
    {
        assert!(ask(&gate, request).await.starts_with("HTTP/1.1 400 "), "{request}");
    }
}

#[tokio::test]
async fn an_allowed_name_that_leads_inside_or_nowhere_is_told_apart() {
    let (closed, addr) = listener().await;
    drop(closed);
    // Off: the rules let everything by, so that only the address is judged.
    let egress = Egress::for_test(addr, Enforcement::Off, HashMap::new());
    let gate = egress.gate(HostRules::default()).await.unwrap();
    let inside = ask(&gate, &format!("CONNECT 127.0.0.1:{} HTTP/1.1\r\n\r\n", addr.port())).await;
    assert!(inside.starts_with("HTTP/1.1 403 "), "{inside}");
    let nowhere = ask(&gate, "GET http://no-such-name.invalid/ HTTP/1.1\r\n\r\n").await;
    assert!(nowhere.starts_with("HTTP/1.1 502 "), "{nowhere}");
    let deaf = ask(&gate, "GET http://rehearsal.localhost/ HTTP/1.1\r\n\r\n").await;
    assert!(deaf.starts_with("HTTP/1.1 502 "), "{deaf}");
    let reasons: Vec<Why> = why(&gate).into_iter().map(|(_, why)| why).collect();
    assert_eq!(reasons, [Why::Private, Why::NoAddress, Why::Unreachable]);
}

#[tokio::test]
async fn the_rehearsal_site_is_always_there_and_the_global_list_binds_everybody() {
    let site = Site::start(&[("/", Answer::Html("on stage"))]).await;
    let global = HostRules::parse(&["shop.example"]).unwrap();
    let egress = Egress::new(global, site.addr);
    let gate = egress.gate(HostRules::parse(&["news.example"]).unwrap()).await.unwrap();
    let answer = ask(&gate, "GET http://rehearsal.localhost/ HTTP/1.1\r\n\r\n").await;
    assert!(answer.ends_with("on stage"), "{answer}");
    assert!(gate.check_url("http://rehearsal.localhost/x").is_ok());
    let both = gate.check_url("https://news.example/").unwrap_err().to_string();
    assert!(both.contains("egress.allowed_hosts"), "{both}");
    assert!(gate.check_url("https://shop.example/").unwrap_err().to_string().contains("persona's hosts"));
}

#[tokio::test]
async fn a_head_without_end_is_cut_off() {
    let (_upstream, addr) = listener().await;
    let gate = gate_to(addr, &["shop.example"]).await;
    let mut client = TcpStream::connect(gate.addr).await.unwrap();
    let line = format!("X: {}\r\n", "y".repeat(1000));
    let mut sent = client.write_all(b"GET http://shop.example/ HTTP/1.1\r\n").await;
    for _ in 0..2000 {
        if sent.is_err() {
            break;
        }
        sent = client.write_all(line.as_bytes()).await;
    }
    assert!(sent.is_err() || client.read(&mut [0; 1]).await.unwrap_or(0) == 0, "2 MB of head were taken");
}
