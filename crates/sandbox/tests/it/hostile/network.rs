//! The network: there is none but a loopback of one's own.

use super::{Case, Control, case};

/// Addresses that must not be reached, whoever has them.
const ADDRESSES: &[(&str, &str)] = &[
    ("a public address", "1.1.1.1"),
    ("a name server", "8.8.8.8"),
    ("a private network", "10.0.0.1"),
    ("another private network", "192.168.1.1"),
    ("a third private network", "172.17.0.1"),
    ("cloud metadata", "169.254.169.254"),
    ("multicast", "224.0.0.1"),
    ("carrier network", "100.64.0.1"),
];
const ADDRESSES_6: &[(&str, &str)] = &[
    ("a public address (IPv6)", "2606:4700:4700::1111"),
    ("a mapped public address", "::ffff:1.1.1.1"),
    ("mapped metadata", "::ffff:169.254.169.254"),
    ("unique local", "fd00::1"),
    ("metadata (IPv6)", "fd00:ec2::254"),
    ("translated", "64:ff9b::101:101"),
];
/// Socket families, by number.
const FAMILIES: &[(&str, i32)] = &[
    ("AX25", 3),
    ("IPX", 4),
    ("APPLETALK", 5),
    ("X25", 9),
    ("KEY", 15),
    ("RDS", 21),
    ("PPPOX", 24),
    ("CAN", 29),
    ("TIPC", 30),
    ("BLUETOOTH", 31),
    ("IEEE802154", 36),
    ("ALG", 38),
    ("NFC", 39),
    ("VSOCK", 40),
    ("KCM", 41),
    ("QIPCRTR", 42),
    ("SMC", 43),
    ("XDP", 44),
    ("MCTP", 45),
];
/// Kinds of netlink but route.
const NETLINK: &[(&str, i32)] = &[
    ("usersock", 2),
    ("sock_diag", 4),
    ("xfrm", 6),
    ("selinux", 7),
    ("audit", 9),
    ("fib_lookup", 10),
    ("connector", 11),
    ("netfilter", 12),
    ("kobject_uevent", 15),
    ("generic", 16),
    ("crypto", 21),
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let dialing = || Control::Nothing("no stranger is dialed from tests");
    for (name, address) in ADDRESSES {
        cases.push(case(
            format!("connect to {name}"),
            format!("connect(socket.AF_INET, ('{address}', 80))"),
            "ENETUNREACH",
            dialing(),
        ));
        let send =
            format!("socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('{address}', 53))");
        cases.push(case(format!("send to {name}"), send, "ENETUNREACH", dialing()));
    }
    for (name, address) in ADDRESSES_6 {
        let code = format!("connect(socket.AF_INET6, ('{address}', 80))");
        cases.push(case(format!("connect to {name}"), code, "ENETUNREACH|EADDRNOTAVAIL", dialing()));
    }
    for (name, family) in FAMILIES {
        let code = format!("socket.socket({family}, socket.SOCK_DGRAM, 0)");
        cases.push(case(format!("AF_{name}"), code, "EAFNOSUPPORT", Control::Nothing("not always built")));
    }
    for (name, kind) in NETLINK {
        let code = format!("socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, {kind})");
        cases.push(case(format!("netlink {name}"), code, "EPERM", Control::Nothing("not always built")));
    }
    cases.extend(sockets());
    cases.extend(host());
    cases
}

fn sockets() -> Vec<Case> {
    let route = "s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0); s.bind((0, 0))\n";
    vec![
        case(
            "packet",
            "socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3)",
            "EAFNOSUPPORT|EPERM",
            Control::Differs,
        ),
        case(
            "packet datagram",
            "socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 3)",
            "EAFNOSUPPORT|EPERM",
            Control::Differs,
        ),
        case("old packet", "socket.socket(socket.AF_INET, 10, 3)", "EPERM", Control::Differs),
        case("raw ICMP", "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)", "EPERM", Control::Differs),
        case("raw IP", "socket.socket(socket.AF_INET, socket.SOCK_RAW, 255)", "EPERM", Control::Differs),
        case("raw ICMPv6", "socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58)", "EPERM", Control::Differs),
        case(
            "raw with flags",
            "socket.socket(socket.AF_INET, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, 1)",
            "EPERM",
            Control::Differs,
        ),
        case(
            "family with high bits",
            "call('socket', (1 << 32) | 17, 3, 3)",
            "EAFNOSUPPORT|EPERM",
            Control::Differs,
        ),
        case(
            "ping",
            "socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 1)",
            "EACCES|EPERM|EPROTONOSUPPORT",
            Control::Nothing("a setting of the machine"),
        ),
        case("route netlink", route, "OK", Control::Ends("OK")),
        case(
            "add an address",
            format!("{route}{ADD_ADDRESS}"),
            "EPERM",
            Control::Nothing("not done outside"),
        ),
        case("add a route", format!("{route}{ADD_ROUTE}"), "EPERM", Control::Nothing("not done outside")),
        case(
            "bring an interface up",
            "import fcntl; fcntl.ioctl(socket.socket(), 0x8914, b'lo'.ljust(16, b'\\0') + struct.pack('H', 1).ljust(24, b'\\0'))",
            "EPERM",
            Control::Nothing("not done outside"),
        ),
        case(
            "make a tunnel",
            "os.open('/dev/net/tun', os.O_RDWR)",
            "ENOENT",
            Control::Nothing("not every machine has it"),
        ),
        case(
            "only loopback",
            "result = [n for _, n in socket.if_nameindex() if n not in ('lo', 'tunl0', 'sit0', 'ip6tnl0', 'gre0', 'gretap0', 'erspan0', 'ip_vti0', 'ip6_vti0', 'ip6gre0')]",
            "[]",
            Control::Nothing("tests may run without a network"),
        ),
        case(
            "a low port",
            "socket.socket().bind(('127.0.0.1', 80))",
            "EACCES",
            Control::Nothing("a setting of the machine"),
        ),
        case("own loopback", LOOPBACK, "OK", Control::Ends("OK")),
        case("own loopback (IPv6)", LOOPBACK_6, "OK", Control::Nothing("may be switched off")),
        case("a pair", "socket.socketpair()", "OK", Control::Ends("OK")),
    ]
}

const ADD_ADDRESS: &str = "
body = struct.pack('BBBBi', 2, 24, 0, 0, 1) + struct.pack('HH4s', 8, 2, bytes([10, 9, 9, 9]))
s.send(struct.pack('IHHII', 16 + len(body), 20, 5, 1, 0) + body)
error = struct.unpack('i', s.recv(4096)[16:20])[0]
if error: raise OSError(-error, 'netlink')";
const ADD_ROUTE: &str = "
body = struct.pack('BBBBBBBBI', 2, 0, 0, 0, 254, 3, 0, 1, 0) + struct.pack('HHi', 8, 4, 1)
s.send(struct.pack('IHHII', 16 + len(body), 24, 0x605, 1, 0) + body)
error = struct.unpack('i', s.recv(4096)[16:20])[0]
if error: raise OSError(-error, 'netlink')";
const LOOPBACK: &str = "
server = socket.create_server(('127.0.0.1', 0))
client = socket.create_connection(server.getsockname())
client.send(b'x')
assert server.accept()[0].recv(1) == b'x'";
const LOOPBACK_6: &str = "
server = socket.socket(socket.AF_INET6); server.bind(('::1', 0)); server.listen()
socket.create_connection(server.getsockname()[:2])";

/// Services of the machine outside.
fn host() -> Vec<Case> {
    vec![
        case(
            "the host's loopback",
            "connect(socket.AF_INET, ('127.0.0.1', PORT))",
            "ECONNREFUSED",
            Control::Ends("OK"),
        ),
        case(
            "the host's loopback by another address",
            "connect(socket.AF_INET, ('127.9.9.9', PORT))",
            "ECONNREFUSED",
            Control::Nothing("as above"),
        ),
        case(
            "the host's loopback by zero",
            "connect(socket.AF_INET, ('0.0.0.0', PORT))",
            "ECONNREFUSED",
            Control::Ends("OK"),
        ),
        case(
            "the host's loopback, mapped",
            "connect(socket.AF_INET6, ('::ffff:127.0.0.1', PORT))",
            "ECONNREFUSED",
            Control::Nothing("may be switched off"),
        ),
        case(
            "the host's abstract socket",
            "connect(socket.AF_UNIX, ABSTRACT)",
            "ECONNREFUSED|EPERM",
            Control::Ends("OK"),
        ),
        case("the host's socket", "connect(socket.AF_UNIX, SOCKET)", "ENOENT", Control::Ends("OK")),
        case(
            "resolve a name",
            "socket.getaddrinfo('example.com', 80)",
            "OSError -3|OSError -2|OSError -5|EAI|gaierror",
            Control::Nothing("no stranger is asked from tests"),
        ),
        case(
            "resolve localhost",
            "result = socket.gethostbyname('localhost')",
            "127.0.0.1",
            Control::Nothing(""),
        ),
        case(
            "a name server of one's own",
            "connect(socket.AF_INET, ('127.0.0.1', 53))",
            "ECONNREFUSED",
            Control::Nothing("tests may have one"),
        ),
        case(
            "a descriptor of the host's network",
            "os.open('/proc/%d/ns/net' % PID, os.O_RDONLY)",
            "ENOENT",
            Control::Ends("OK"),
        ),
    ]
}
