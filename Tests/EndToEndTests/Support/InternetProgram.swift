extension Internet {
    /// The program that plays the Internet, in namespaces of its own: a name server that logs every query, sinks
    /// that log every connection and byte, one TCP service and nginx.
    ///
    /// `sync` on its standard input is answered with what arrived since the last one, `logged` once nginx has written its
    /// log; it ends at that input's end.
    static let program = #"""
        import itertools, json, os, selectors, signal, socket, struct, subprocess, sys

        folder, certificates = sys.argv[1:3]
        if [name for _, name in socket.if_nameindex()] != ["lo"]:
            sys.exit("refused: lo is not the only interface here")

        def tool(*words):
            subprocess.run(words, check=True)

        tool("ip", "link", "set", "lo", "up")
        # Local routes, not addresses: they must not count as this machine's own.
        for network in ["93.184.216.0/25", "1.1.1.1", "8.8.8.8", "169.254.169.254", "10.9.9.9", "168.63.129.16",
                        "100.100.100.200"]:
            tool("ip", "route", "add", "local", network, "dev", "lo")
        for network in ["2606:2800::/64", "fd00:ec2::254", "64:ff9b::/96", "2002:a9fe:a9fe::/48"]:
            tool("ip", "-6", "route", "add", "local", network, "dev", "lo")
        tool("ip", "addr", "add", "93.184.216.200/32", "dev", "lo")
        # An address of global scope, without which resolvers leave IPv6 answers out.
        tool("ip", "-6", "addr", "add", "2606:2800:1::1/128", "dev", "lo", "nodad")
        with open("/proc/sys/net/ipv6/ip_nonlocal_bind", "w") as file:
            file.write("1")
        with open(folder + "/resolv.conf", "w") as file:
            file.write("nameserver 127.0.0.1\noptions timeout:20 attempts:2\n")
        tool("mount", "--bind", folder + "/resolv.conf", "/etc/resolv.conf")

        ALLOWED, SINK = "93.184.216.34", "93.184.216.66"
        arrived, queries, rebound = [], [], {}
        loop = selectors.DefaultSelector()

        def served(family, kind, address, port):
            server = socket.socket(family, kind)
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind((address, port))
            if kind == socket.SOCK_STREAM:
                server.listen(128)
            return server

        # Sinks: whatever arrives is written down.
        def accept(server):
            client, _ = server.accept()
            place = "%s %d" % client.getsockname()[:2]
            arrived.append("connection to " + place)
            loop.register(client, selectors.EVENT_READ, lambda it: drain(it, place))

        def drain(client, place):
            try:
                data = client.recv(65536)
            except OSError:
                data = b""
            if data:
                arrived.append("%d bytes to %s" % (len(data), place))
            loop.unregister(client)
            client.close()

        def datagram(server):
            data, _ = server.recvfrom(65536)
            arrived.append("datagram to %s %d" % server.getsockname()[:2])

        for address in [SINK, "169.254.169.254", "10.9.9.9", "168.63.129.16", "100.100.100.200", "127.0.0.1",
                        "93.184.216.200", "1.1.1.1", "8.8.8.8"]:
            for port in [80, 443]:
                loop.register(served(socket.AF_INET, socket.SOCK_STREAM, address, port), 1, accept)
        for address in ["2606:2800::66", "fd00:ec2::254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1"]:
            for port in [80, 443]:
                loop.register(served(socket.AF_INET6, socket.SOCK_STREAM, address, port), 1, accept)
        for port in [22, 25, 3128, 4444, 8081, 9000]:
            loop.register(served(socket.AF_INET, socket.SOCK_STREAM, "0.0.0.0", port), 1, accept)
        loop.register(served(socket.AF_INET, socket.SOCK_STREAM, "8.8.8.8", 53), 1, accept)
        for address, port in [(SINK, 9999), (SINK, 443), ("8.8.8.8", 53)]:
            loop.register(served(socket.AF_INET, socket.SOCK_DGRAM, address, port), 1, datagram)

        # One service that speaks first, then echoes.
        def greet(server):
            client, _ = server.accept()
            client.sendall(b"220 hello\n")
            loop.register(client, selectors.EVENT_READ, echo)

        def echo(client):
            data = client.recv(65536)
            if data:
                client.sendall(b"echo " + data)
            else:
                loop.unregister(client)
                client.close()

        loop.register(served(socket.AF_INET, socket.SOCK_STREAM, ALLOWED, 5555), 1, greet)

        # Names.
        ZONE = {
            "allowed.test": [ALLOWED], "other.test": [ALLOWED], "plain.test": [ALLOWED], "denied.test": [SINK],
            "mixed.test": ["10.9.9.9", ALLOWED], "bad-only.test": ["10.9.9.9", "127.0.0.1"],
            "metadata.test": ["169.254.169.254"], "metadata6.test": ["fd00:ec2::254"],
            "wire.test": ["168.63.129.16"], "ali.test": ["100.100.100.200"], "own.test": ["93.184.216.200"],
            "mapped.test": ["::ffff:169.254.169.254"], "nat64.test": ["64:ff9b::a9fe:a9fe"],
            "cname-private.test": ["CNAME inner.test", "10.9.9.9"], "cname-public.test": ["CNAME cdn.test", ALLOWED],
        }

        def addresses(name):
            if name.startswith("rebind"):
                rebound[name] = rebound.get(name, 0) + 1
                return [ALLOWED] if rebound[name] == 1 else ["127.0.0.1"]
            return [ALLOWED] if name.endswith(".allowed.test") else ZONE.get(name)

        def encoded(name):
            return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"

        def record(owner, kind, data):
            return encoded(owner) + struct.pack("!HHIH", kind, 1, 0, len(data)) + data

        def asked(message):
            labels, at = [], 12
            while message[at]:
                labels.append(message[at + 1:at + 1 + message[at]].decode("latin-1"))
                at += 1 + message[at]
            return ".".join(labels).lower(), struct.unpack("!H", message[at + 1:at + 3])[0], message[12:at + 5]

        def answers(name, kind):
            owner, found = name, []
            for word in addresses(name) or []:
                if word.startswith("CNAME "):
                    found.append(record(owner, 5, encoded(word[6:])))
                    owner = word[6:]
                elif kind == (28 if ":" in word else 1):
                    family = socket.AF_INET6 if ":" in word else socket.AF_INET
                    found.append(record(owner, kind, socket.inet_pton(family, word)))
            return found

        def resolve(server):
            message, client = server.recvfrom(4096)
            name, kind, question = asked(message)
            queries.append(name)
            found = answers(name, kind)
            code = 0x8580 if addresses(name) else 0x8583
            server.sendto(message[:2] + struct.pack("!HHHHH", code, 1, len(found), 0, 0) + question
                          + b"".join(found), client)

        loop.register(served(socket.AF_INET, socket.SOCK_DGRAM, "127.0.0.1", 53), 1, resolve)

        with open(folder + "/nginx.conf", "w") as file:
            file.write("""
        daemon off; worker_processes 1; pid %(f)s/nginx.pid; error_log %(f)s/error.log; user root;
        events { worker_connections 256; }
        http {
          log_format arrived '$server_addr $host "$request" $status auth="$http_authorization"';
          access_log %(f)s/access.log arrived; client_body_temp_path %(f)s/body; proxy_temp_path %(f)s/proxy;
          fastcgi_temp_path %(f)s/fastcgi; uwsgi_temp_path %(f)s/uwsgi; scgi_temp_path %(f)s/scgi;
          default_type text/plain;
          server {
            listen 93.184.216.34:443 ssl; listen 93.184.216.34:80; listen [2606:2800::10]:443 ssl;
            ssl_certificate %(c)s/server.pem; ssl_certificate_key %(c)s/server.key;
            location /redirect-302 { return 302 $arg_to; }
            location /redirect-307 { return 307 $arg_to; }
            location / { return 200 "reached $host $request_uri\\n"; }
          }
        }
        """ % {"f": folder, "c": certificates})
        nginx = subprocess.Popen(["nginx", "-e", folder + "/error.log", "-c", folder + "/nginx.conf"])
        for _ in range(5000):
            if not socket.socket().connect_ex((ALLOWED, 443)):
                break
            signal.sigtimedwait([], 0.02)

        # A request of the test's own comes behind all others: with its line the log is whole.
        markers = itertools.count()

        def logged():
            marker = b"/marker-of-the-test-%d " % next(markers)
            with socket.create_connection((ALLOWED, 80)) as peer:
                peer.sendall(b"GET " + marker + b"HTTP/1.0\r\n\r\n")
                while peer.recv(65536):
                    pass
            while marker not in open(folder + "/access.log", "rb").read():
                signal.sigtimedwait([], 0.01)
            print("logged", flush=True)

        def command(stream):
            line = stream.readline()
            if line == "logged\n":
                return logged()
            if not line:
                nginx.terminate()
                nginx.wait()
                sys.exit()
            while True:
                ready = [key for key, _ in loop.select(0) if key.fileobj is not stream]
                if not ready:
                    break
                for key in ready:
                    key.data(key.fileobj)
            print(json.dumps({"sink": arrived, "queries": queries}), flush=True)
            arrived.clear()
            queries.clear()

        loop.register(sys.stdin, selectors.EVENT_READ, command)
        print("ready", flush=True)
        while True:
            for key, _ in loop.select():
                if key.fileobj.fileno() >= 0:
                    key.data(key.fileobj)
        """#
}
