internal import Audit
internal import Client
internal import Glibc
internal import Linux
internal import Model
internal import Profiles

/// `audit`: where checkpoints of the log go, and for how long records are kept.
extension OperatorConfiguration {
    private static let auditKeys = ["checkpoints", "retain", "postgres"]
    private static let checkpointKeys = ["file", "webhook", "postgres", "records", "every"]
    private static let webhookKeys = ["url", "secret-file"]
    private static let retainKeys = ["for", "size", "every"]
    /// Octets of a webhook's secret: from those of the hash that it is used with (RFC 2104 section 3) to a file by mistake.
    private static let secretLength = 32...4_096
    /// What `every` of checkpoints, and of pruning, and `records` may be.
    private static let interval: ClosedRange<UInt64> = 1_000...86_400_000
    private static let spacing = 1...1_000_000

    mutating func readAudit(_ top: YAMLMapping, folder: String, _ errors: inout Diagnostics) {
        guard let node = top["audit"],
            let fields = node.mapping("audit", keys: Self.auditKeys, &errors)
        else { return }
        if let node = fields["postgres"] { readFleet(node, &errors) }
        if fields["postgres"] != nil, let node = fields["retain"] {
            errors.report(
                "audit.retain together with audit.postgres is not built yet: a log that goes to a database is not pruned here",
                at: node.position
            )
        }
        if let node = fields["checkpoints"] { readCheckpoints(node, folder: folder, &errors) }
        if let node = fields["retain"] { readRetention(node, &errors) }
    }

    private mutating func readCheckpoints(_ node: YAMLNode, folder: String, _ errors: inout Diagnostics) {
        guard let fields = node.mapping("audit.checkpoints", keys: Self.checkpointKeys, &errors) else {
            return
        }
        var plan = CheckpointPlan()
        plan.file = fields["file"]?.text("audit.checkpoints.file", &errors).map {
            Self.path($0, from: folder)
        }
        if let node = fields["webhook"] {
            plan.webhook = readWebhook(node, folder: folder, &errors)
        }
        if let node = fields["postgres"],
            let database = Self.database(node, "audit.checkpoints.postgres", &errors)
        {
            plan.postgres = database.access
            databases.append(database)
        }
        if fields["file"] == nil, fields["webhook"] == nil, fields["postgres"] == nil {
            errors.report("audit.checkpoints says neither file, webhook nor postgres", at: node.position)
        }
        if let node = fields["records"],
            let count = node.integer("audit.checkpoints.records", Self.spacing, &errors)
        {
            plan.records = Int64(count)
        }
        if let node = fields["every"], let text = node.text("audit.checkpoints.every", &errors) {
            do throws(TextProblem) {
                let bounds = "audit.checkpoints.every is from 1s to 24h"
                let milliseconds = try Quantity.duration(text, in: Self.interval, bounds)
                plan.seconds = Int(milliseconds / 1_000)
            } catch {
                errors.report(error, in: node)
            }
        }
        checkpoints = plan
    }

    private mutating func readWebhook(
        _ node: YAMLNode,
        folder: String,
        _ errors: inout Diagnostics
    ) -> CheckpointPlan.Webhook? {
        let name = "audit.checkpoints.webhook"
        guard let fields = node.mapping(name, keys: Self.webhookKeys, &errors) else { return nil }
        guard let url = fields["url"], let secret = fields["secret-file"] else {
            errors.report("\(name) takes url and secret-file", at: node.position)
            return nil
        }
        guard let urlText = url.text("\(name).url", &errors),
            let secretText = secret.text("\(name).secret-file", &errors)
        else { return nil }
        guard let address = WebAddress(orOnLoopback: urlText) else {
            errors.report(
                "\(name).url: \"\(urlText)\" is no https:// URL, nor http:// on loopback",
                at: url.position
            )
            return nil
        }
        let path = Self.path(secretText, from: folder)
        checkpointSecret = path
        guard let octets = Self.secret(in: path) else {
            errors.report(
                "\(name).secret-file: \(path) is no file of \(Self.secretLength.lowerBound) to "
                    + "\(Self.secretLength.upperBound) octets that its owner alone may read",
                at: secret.position
            )
            return nil
        }
        do throws(MessageFailure) {
            return try CheckpointPlan.Webhook(address: address, secret: octets)
        } catch {
            errors.report("\(name).secret-file: \(path): \(error.message)", at: secret.position)
            return nil
        }
    }

    /// Without the line end behind it; nil for one that is too short, or that others may read.
    private static func secret(in path: String) -> [UInt8]? {
        let raw = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard raw >= 0 else { return nil }
        let file = OwnedDescriptor(raw)
        var status = stat()
        guard unsafe fstat(file.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            status.st_mode & 0o077 == 0, status.st_uid == geteuid()
        else { return nil }
        var buffer = [UInt8](repeating: 0, count: secretLength.upperBound + 2)
        let count = unsafe buffer.withUnsafeMutableBytes {
            unsafe read(file.rawValue, $0.baseAddress, $0.count)
        }
        guard count > 0 else { return nil }
        var octets = Array(buffer.prefix(count))
        while octets.last == 0x0a || octets.last == 0x0d { octets.removeLast() }
        return secretLength.contains(octets.count) ? octets : nil
    }

    private mutating func readRetention(_ node: YAMLNode, _ errors: inout Diagnostics) {
        guard let fields = node.mapping("audit.retain", keys: Self.retainKeys, &errors) else { return }
        if let node = fields["for"], let text = node.text("audit.retain.for", &errors) {
            do throws(TextProblem) { retention.age = try Quantity.age(text) } catch {
                errors.report(error, in: node)
            }
        }
        if let node = fields["size"], let text = node.text("audit.retain.size", &errors) {
            do throws(TextProblem) { retention.size = try Quantity.size(text) } catch {
                errors.report(error, in: node)
            }
        }
        guard let node = fields["every"], let text = node.text("audit.retain.every", &errors) else { return }
        if text.isSame(as: Self.off) {
            pruningPause = nil
            return
        }
        do throws(TextProblem) {
            pruningPause = try Quantity.duration(
                text,
                in: Self.interval,
                "audit.retain.every is from 1s to 24h, or off: then bailey audit prune is by hand"
            )
        } catch {
            errors.report(error, in: node)
        }
    }

    private static func path(_ text: String, from folder: String) -> String {
        let path = text.begins(with: "~/") ? HomeFolder.current + text.dropFirst(bytes: 1) : text
        return WorkingDirectory.absolute(path, from: folder)
    }
}
