import Testing

/// A program that speaks HTTP, as its users run it: nothing in it knows of Bailey.
///
/// `command` is what a shell runs with a method as `$1` and a URL as `$2`; it prints the body, undone if it came coded, or what
/// the program tells its user of a failure.
struct HTTPClient: Sendable, CustomTestStringConvertible {
    let name: String
    let command: String
    /// Files of the workspace that the command needs.
    var files: [String: String] = [:]
    /// What the program has to be told before it takes a proxy; nil where it takes none.
    var proxy: String? = """
        export http_proxy=http://127.0.0.1:3128 https_proxy=http://127.0.0.1:3128
        export HTTP_PROXY=$http_proxy HTTPS_PROXY=$https_proxy
        """
    /// What goes to nginx.
    var version = "1.1"
    /// Whether it shows why it was refused without being told to.
    var showsReason = true

    var testDescription: String { name }
}

extension HTTPClient {
    /// A program of Python's with one file.
    static func python(_ name: String, _ program: String, version: String = "1.1") -> HTTPClient {
        HTTPClient(
            name: name,
            command: "python3 \(name).py \"$1\" \"$2\"",
            files: ["\(name).py": "import sys\nmethod, url = sys.argv[1:]\n" + program + "\n"],
            version: version
        )
    }

    static let curl = HTTPClient(
        name: "curl",
        command:
            "[ $1 = GET ] && set -- GET \"$2\" || set -- POST \"$2\" -d a=b; shift; curl -sS -m20 --compressed \"$@\"",
        version: "2.0"
    )

    static let wget = HTTPClient(
        name: "wget",
        command:
            "[ $1 = GET ] && set -- \"$2\" || set -- \"$2\" --post-data=a=b; wget -nv -T20 -t1 --compression=auto -O - \"$@\""
    )

    static let urllib = python(
        "urllib-client",
        """
        import gzip, urllib.request
        data = b"a=b" if method == "POST" else None
        request = urllib.request.Request(url, data, {"Accept-Encoding": "gzip"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            body = answer.read()
            print((gzip.decompress(body) if answer.headers["Content-Encoding"] == "gzip" else body).decode())
        """
    )

    static let requests = python(
        "requests-client",
        """
        import requests
        answer = requests.request(method, url, data="a=b" if method == "POST" else None, timeout=20)
        answer.raise_for_status()
        print(answer.text)
        """
    )

    static let aiohttp = python(
        "aiohttp-client",
        """
        import aiohttp, asyncio
        async def main():
            async with aiohttp.ClientSession(trust_env=True, raise_for_status=True) as session:
                async with session.request(method, url, data="a=b" if method == "POST" else None) as answer:
                    print(await answer.text())
        asyncio.run(main())
        """
    )

    static let httpx = python(
        "httpx-client",
        """
        import httpx
        with httpx.Client(http2=True, timeout=20) as client:
            answer = client.request(method, url, content="a=b" if method == "POST" else None)
            print(answer.status_code, answer.text)
        """,
        version: "2.0"
    )

    static let perl = HTTPClient(
        name: "perl",
        command: "perl client.pl \"$1\" \"$2\"",
        files: [
            "client.pl": #"""
            use LWP::UserAgent;
            my ($method, $url) = @ARGV;
            my $agent = LWP::UserAgent->new(timeout => 20, env_proxy => 1);
            my @fields = ('Accept-Encoding' => scalar HTTP::Message::decodable());
            my $answer = $method eq 'POST' ? $agent->post($url, {a => 'b'}, @fields) : $agent->get($url, @fields);
            die $answer->status_line . "\n" unless $answer->is_success;
            print $answer->decoded_content, "\n";

            """#
        ]
    )

    static let ruby = HTTPClient(
        name: "ruby",
        command: "ruby client.rb \"$1\" \"$2\"",
        files: [
            "client.rb": #"""
            require "net/http"
            uri = URI(ARGV[1])
            request = ARGV[0] == "POST" ? Net::HTTP::Post.new(uri) : Net::HTTP::Get.new(uri)
            request.set_form_data("a" => "b") if ARGV[0] == "POST"
            Net::HTTP.start(uri.host, uri.port, use_ssl: true, read_timeout: 20) do |session|
              answer = session.request(request)
              answer.value
              puts answer.body
            end

            """#
        ]
    )

    static let php = HTTPClient(
        name: "php",
        command: "php client.php \"$1\" \"$2\"",
        files: [
            "client.php": #"""
            <?php
            [, $method, $url] = $argv;
            $options = ["method" => $method, "header" => "Accept-Encoding: gzip", "timeout" => 20];
            if ($method == "POST") $options["content"] = "a=b";
            if (getenv("PROXY")) $options["proxy"] = getenv("PROXY");
            $body = file_get_contents($url, false, stream_context_create(["http" => $options]));
            if ($body === false) exit(1);
            $coded = in_array("Content-Encoding: gzip", $http_response_header);
            echo $coded ? gzdecode($body) : $body, "\n";

            """#
        ],
        proxy: "export PROXY=tcp://127.0.0.1:3128"
    )

    static let node = HTTPClient(
        name: "node",
        command: "node client.js \"$1\" \"$2\"",
        files: [
            "client.js": #"""
            const [method, url] = process.argv.slice(2);
            fetch(url, {method, body: method == "POST" ? "a=b" : undefined})
                .then(async answer => console.log(answer.status, await answer.text()))
                .catch(error => { console.log(error.cause || error); process.exit(1); });

            """#
        ],
        // Node.js takes proxies from the environment since 24.
        proxy: nil
    )

    static let go = HTTPClient(
        name: "go",
        command: "./go-client \"$1\" \"$2\"",
        files: [
            "client.go": #"""
            package main

            import (
            	"fmt"
            	"io"
            	"net/http"
            	"os"
            	"strings"
            )

            func main() {
            	var body io.Reader
            	if os.Args[1] == "POST" {
            		body = strings.NewReader("a=b")
            	}
            	request, err := http.NewRequest(os.Args[1], os.Args[2], body)
            	if err != nil {
            		panic(err)
            	}
            	answer, err := http.DefaultClient.Do(request)
            	if err != nil {
            		fmt.Println(err)
            		os.Exit(1)
            	}
            	text, err := io.ReadAll(answer.Body)
            	fmt.Println(answer.Status, string(text), err)
            }

            """#
        ],
        version: "2.0"
    )

    /// The client that comes with Java 11 and later.
    static let java = HTTPClient(
        name: "java",
        command: "java $PROXY -XX:TieredStopAtLevel=1 Client.java \"$1\" \"$2\"",
        files: [
            "Client.java": #"""
            import java.net.URI;
            import java.net.http.*;
            import java.util.zip.GZIPInputStream;

            public class Client {
                public static void main(String[] arguments) throws Exception {
                    var request = HttpRequest.newBuilder(URI.create(arguments[1])).header("Accept-Encoding", "gzip");
                    if (arguments[0].equals("POST")) request.POST(HttpRequest.BodyPublishers.ofString("a=b"));
                    var answer = HttpClient.newHttpClient().send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
                    boolean coded = answer.headers().firstValue("Content-Encoding").orElse("").equals("gzip");
                    var body = coded ? new GZIPInputStream(answer.body()) : answer.body();
                    System.out.println(answer.statusCode() + " " + new String(body.readAllBytes()));
                }
            }

            """#
        ],
        proxy: "export PROXY='-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=3128'",
        version: "2.0"
    )

    /// The older one of Java's, which says no reason unless it is asked for the error's body.
    static let javaConnection = HTTPClient(
        name: "java-connection",
        command: "java $PROXY -XX:TieredStopAtLevel=1 Connection.java \"$1\" \"$2\"",
        files: [
            "Connection.java": #"""
            import java.net.*;
            import java.util.zip.GZIPInputStream;

            public class Connection {
                public static void main(String[] arguments) throws Exception {
                    var connection = (HttpURLConnection) new URL(arguments[1]).openConnection();
                    connection.setRequestMethod(arguments[0]);
                    connection.setRequestProperty("Accept-Encoding", "gzip");
                    if (arguments[0].equals("POST")) {
                        connection.setDoOutput(true);
                        connection.getOutputStream().write("a=b".getBytes());
                    }
                    System.out.println(connection.getResponseMessage());
                    boolean coded = "gzip".equals(connection.getContentEncoding());
                    var body = coded ? new GZIPInputStream(connection.getInputStream()) : connection.getInputStream();
                    System.out.println(new String(body.readAllBytes()));
                }
            }

            """#
        ],
        proxy: "export PROXY='-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=3128'"
    )
}
