internal import Model

/// One event of the Open Cybersecurity Schema Framework, version 1.5.0: the attributes that Bailey fills.
///
/// docs/export.md says which and from what. Encoded with its names in snake case.
struct OCSFEvent: Encodable {
    /// The version of the schema (schema.ocsf.io/1.5.0).
    static let version = "1.5.0"

    // What every event has.
    let metadata: Metadata
    let time: Int64
    let classUid: Int
    let categoryUid: Int
    let activityId: Int
    let activityName: String
    let typeUid: Int
    let rawData: String
    var severityId = Severity.informational.rawValue
    var message: String
    var statusId: Int?
    var statusCode: String?
    var statusDetail: String?
    var duration: Int64?

    // Of the profiles `host` and `security_control`.
    var actor: Actor?
    var device: Device?
    var actionId: Int?
    var dispositionId: Int?
    var policy: Policy?
    var authorizations: [Authorization]?

    // Of single classes.
    var srcEndpoint: Endpoint?
    var dstEndpoint: Endpoint?
    var httpRequest: HTTPRequest?
    var httpResponse: HTTPResponse?
    var traffic: Traffic?
    var process: Process?
    var exitCode: Int32?
    var database: Database?
    var queryInfo: QueryInfo?
    var api: API?
    var resources: [Resource]?
    var user: User?
    var privileges: [String]?

    init(_ type: OCSFClass, _ activity: OCSFActivity, _ metadata: Metadata, of record: AuditRecord) {
        self.metadata = metadata
        time = record.time.milliseconds
        classUid = type.rawValue
        categoryUid = type.rawValue / 1_000
        activityId = activity.id
        activityName = activity.name
        typeUid = type.rawValue * 100 + activity.id
        rawData = record.payload
        message = ""
    }

    enum Severity: Int {
        case informational = 1
        case low = 2
        case medium = 3
    }

    enum Status: Int {
        case success = 1
        case failure = 2
    }

    enum Action: Int {
        case allowed = 1
        case denied = 2
        case observed = 3
        case modified = 4
    }

    enum Disposition: Int {
        case allowed = 1
        case blocked = 2
        case approved = 8
        case error = 27
    }

    mutating func succeeded() { statusId = Status.success.rawValue }

    /// Refused, or otherwise come to nothing.
    mutating func failed(_ code: String?, _ detail: String?, _ severity: Severity) {
        statusId = Status.failure.rawValue
        (statusCode, statusDetail) = (code, detail)
        severityId = severity.rawValue
    }

    mutating func ruled(_ action: Action, _ disposition: Disposition? = nil) {
        (actionId, dispositionId) = (action.rawValue, disposition?.rawValue)
    }
}

/// The classes that records become (schema.ocsf.io/1.5.0/classes).
enum OCSFClass: Int {
    /// Base Event: a record that a later version wrote.
    case base = 0
    case process = 1007
    case userAccess = 3005
    case network = 4001
    case http = 4002
    case api = 6003
    case datastore = 6005
}

/// An activity of a class.
struct OCSFActivity {
    let id: Int
    let name: String

    static func other(_ name: String) -> OCSFActivity { OCSFActivity(id: 99, name: name) }

    /// Of HTTP Activity.
    static func http(_ method: String) -> OCSFActivity {
        let known = [
            "CONNECT": (1, "Connect"), "DELETE": (2, "Delete"), "GET": (3, "Get"), "HEAD": (4, "Head"),
            "OPTIONS": (5, "Options"), "POST": (6, "Post"), "PUT": (7, "Put"), "TRACE": (8, "Trace"),
        ]
        return known[method].map { OCSFActivity(id: $0.0, name: $0.1) } ?? other(method)
    }
}

extension OCSFEvent {
    struct Metadata: Encodable {
        struct Product: Encodable {
            let name: String
            let vendorName: String
            let version: String
        }

        let version = OCSFEvent.version
        let product: Product
        let profiles = ["host", "security_control"]
        let logName = "audit"
        /// The record's kind.
        let eventCode: String
        /// The record's number; the same in each event of one record.
        let sequence: Int64
        let uid: String
        /// What a request and its reply have in common.
        var correlationUid: String?
    }

    struct User: Encodable {
        let name: String
        let uid: String?

        init(_ principal: Principal) { (name, uid) = (principal.subject, "\(principal.uid)") }
        init(subject: String) { (name, uid) = (subject, nil) }
    }

    struct Actor: Encodable {
        var user: User?
        var process: Process?
        var session: Session?
        /// Bailey itself, where nobody else did it.
        var appName: String?
    }

    struct Session: Encodable { let uid: String }

    struct Process: Encodable {
        var uid: String?
        var pid: Int32?
        var name: String?
        var cmdLine: String?
        var workingDirectory: String?
        var file: File?
        var ancestry: [Ancestor]?
    }

    /// Above a process: its parent first, the root last.
    struct Ancestor: Encodable {
        let uid: String
        let name: String
    }

    struct File: Encodable {
        let name: String
        let path: String
        /// A regular file.
        let typeId = 1
        var hashes: [Fingerprint]?
    }

    struct Fingerprint: Encodable {
        /// SHA-256.
        let algorithmId = 3
        let value: String
    }

    struct Device: Encodable {
        let hostname: String
        /// Unknown.
        let typeId = 0
    }

    struct Policy: Encodable {
        let name: String
        let desc: String?
    }

    struct Authorization: Encodable {
        let decision: String
        let policy: Policy
    }

    struct Endpoint: Encodable {
        var uid: String?
        var name: String?
        var hostname: String?
        var ip: String?
        var port: UInt16?
    }

    struct Address: Encodable {
        let urlString: String
        let scheme: String
        let hostname: String
        let port: UInt16?
        let path: String
        let queryString: String?
    }

    struct Field: Encodable {
        let name: String
        let value: String
    }

    struct HTTPRequest: Encodable {
        /// Nil for one that the schema does not list: the activity says it.
        let httpMethod: String?
        let url: Address
        var userAgent: String?
        var httpHeaders: [Field]?
    }

    struct HTTPResponse: Encodable {
        let code: Int
        var httpHeaders: [Field]?
    }

    struct Traffic: Encodable {
        /// As the agent sees it.
        let bytesIn: UInt64
        let bytesOut: UInt64
    }

    struct Database: Encodable {
        let name: String
        /// Relational.
        let typeId = 1
    }

    struct QueryInfo: Encodable {
        let queryString: String
        let uid: String
    }

    struct API: Encodable { let operation: String }

    struct Resource: Encodable {
        let uid: String
        let name: String?
        let type: String
    }
}
