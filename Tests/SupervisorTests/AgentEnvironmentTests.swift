import Model
import Policy
import Supervisor
import Testing

@Suite("The environment of an agent")
struct AgentEnvironmentTests {
    private func names(_ entries: [String], pass: [String] = []) -> [String: String] {
        let environment = AgentEnvironment(
            rules: EnvironmentRules(pass: pass, set: [:]),
            placeholders: [],
            home: "/home/someone",
            userName: "someone"
        )
        return Dictionary(uniqueKeysWithValues: environment.filtered(entries).map { ($0.name, $0.value) })
    }

    @Test("E01: a secret in the caller's environment does not reach the agent")
    func secretsStay() {
        #expect(names(["TOKEN=s3cr3t", "LANG=C.UTF-8"], pass: ["LANG"])["TOKEN"] == nil)
        #expect(names(["TOKEN=s3cr3t", "LANG=C.UTF-8"], pass: ["LANG"])["LANG"] == "C.UTF-8")
    }

    @Test(
        "E08 E09 E10: what makes a program load or run something is not passed by a wildcard",
        arguments: [
            "BASH_ENV", "ENV", "PROMPT_COMMAND", "PS4", "LD_PRELOAD", "PYTHONSTARTUP", "NODE_OPTIONS",
            "PERL5OPT",
            "RUBYOPT", "JAVA_TOOL_OPTIONS", "GIT_SSH_COMMAND", "SSH_AUTH_SOCK", "DBUS_SESSION_BUS_ADDRESS",
            "DOCKER_HOST", "KUBECONFIG", "XDG_RUNTIME_DIR", "NOTIFY_SOCKET", "SUDO_USER",
        ]
    )
    func hooksStay(name: String) {
        #expect(names(["\(name)=/ws/x"], pass: ["*"])[name] == nil)
        #expect(names(["\(name)=/ws/x"], pass: [name])[name] == "/ws/x")
    }

    @Test("E08: an exported shell function is no name a shell could set")
    func functionsStay() {
        #expect(
            names(["BASH_FUNC_ls%%=() { id; }"], pass: ["*", "BASH_FUNC_ls%%"]).keys.allSatisfy {
                !$0.contains("%")
            }
        )
    }

    @Test("E11: a token-shaped value under an innocent name does not pass by wildcard")
    func tokenShapesStay() {
        let token = "ghp_" + String(repeating: "a1B2", count: 9)
        #expect(names(["XDATA=\(token)"], pass: ["X*"])["XDATA"] == nil)
        #expect(names(["XDATA=\(token)"], pass: ["XDATA"])["XDATA"] == token)
        #expect(names(["XDATA=plain"], pass: ["X*"])["XDATA"] == "plain")
    }

    @Test(
        "E13: a malformed entry is dropped, never cut into another name",
        arguments: [
            "NOEQUALS", "=x", "1A=x", "A B=x", "A\nB=c", "A-B=c",
        ]
    )
    func malformedDropped(entry: String) {
        #expect(names([entry], pass: ["*"]).keys.sorted() == names([], pass: ["*"]).keys.sorted())
    }

    @Test("E13: an entry over the kernel's limit is dropped")
    func longDropped() {
        #expect(names(["LONG=" + String(repeating: "x", count: 128 << 10)], pass: ["*"])["LONG"] == nil)
    }

    @Test(
        "E14: the host's proxy settings never pass",
        arguments: ["HTTP_PROXY", "https_proxy", "NO_PROXY", "all_proxy"]
    )
    func proxiesStay(name: String) {
        #expect(names(["\(name)=http://corp"], pass: ["*", name])[name] == nil)
    }

    @Test("Programs are told of the CA bundle, the private home and the place of bailey")
    func fixedValues() {
        let values = names(
            ["PATH=/usr/bin", "HOME=/root", "SSL_CERT_FILE=/evil"],
            pass: ["PATH", "HOME", "SSL_CERT_FILE"]
        )
        #expect(values["PATH"] == "/usr/bin:/.bailey/bin")
        #expect(values["HOME"] == "/home/someone")
        for name in [
            "SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO",
        ] {
            #expect(values[name] == "/etc/ssl/certs/ca-certificates.crt")
        }
    }

    @Test("git is told to speak HTTP/1.1, behind the settings of a profile, and not where one says otherwise")
    func git() {
        #expect(gitSettings([:]) == ["COUNT=1", "KEY_0=http.version", "VALUE_0=HTTP/1.1"])
        #expect(
            gitSettings(["COUNT": "1", "KEY_0": "a.b", "VALUE_0": "c"])
                == ["COUNT=2", "KEY_0=a.b", "KEY_1=http.version", "VALUE_0=c", "VALUE_1=HTTP/1.1"]
        )
        #expect(
            gitSettings(["COUNT": "1", "KEY_0": "HTTP.Version", "VALUE_0": "HTTP/2"])
                == ["COUNT=1", "KEY_0=HTTP.Version", "VALUE_0=HTTP/2"]
        )
        for count in ["-1", "x", "1001", "99999999999999999999"] {
            #expect(gitSettings(["COUNT": count]) == ["COUNT=\(count)"])
        }
    }

    /// The variables `GIT_CONFIG_…`, sorted, when a profile passes these.
    private func gitSettings(_ own: [String: String]) -> [String] {
        let entries = own.map { "GIT_CONFIG_\($0.key)=\($0.value)" }
        return names(entries, pass: own.keys.map { "GIT_CONFIG_\($0)" })
            .filter { $0.key.hasPrefix("GIT_CONFIG_") }
            .map { "\($0.key.dropFirst("GIT_CONFIG_".count))=\($0.value)" }.sorted()
    }

    @Test("A mark that combines with the sign of equality does not move it into the value or the name")
    func combined() {
        let values = names(["A=\u{301}x=y", "B=1"], pass: ["A", "B"])
        #expect(values["A"].map { Array($0.utf8) } == Array("\u{301}x=y".utf8) && values["B"] == "1")
        #expect(names(["TOKEN=\u{301}LANG=x"], pass: ["LANG"])["LANG"] == nil)
    }

    @Test("Of a repeated name the first counts, as getenv has it")
    func firstWins() {
        #expect(names(["A=1", "A=2"], pass: ["A"])["A"] == "1")
    }
}
