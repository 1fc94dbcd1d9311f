import Foundation

/// Holds events against the published schema of OCSF, as the package `ocsf-json-schema` of PyPI has it.
package enum OCSFValidator {
    private static let folder = URL(filePath: Binary.path).deletingLastPathComponent()
        .appending(path: "../python").standardizedFileURL.path()

    package static let isThere = ["ocsf_json_schema", "jsonschema"].allSatisfy {
        FileManager.default.fileExists(atPath: "\(folder)/\($0)/__init__.py")
    }

    /// `CLASS.ACTIVITY` of each event on a line of its own, in order; fails with what is wrong on its output.
    package static func validate(_ lines: String) throws -> Outcome {
        try Command.run(
            ["/usr/bin/python3", "-c", program],
            environment: ["PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONPATH": folder],
            directory: "/",
            input: Data(lines.utf8)
        )
    }

    private static let program = #"""
        import json, sys
        from jsonschema import Draft202012Validator
        from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
        schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version="1.5.0"))
        validators, wrong = {}, False
        for line in sys.stdin:
            event = json.loads(line)
            number, profiles = event["class_uid"], event["metadata"]["profiles"]
            if number not in validators:
                name = schema.lookup_class_name_from_uid(class_uid=number)
                validators[number] = Draft202012Validator(schema.get_class_schema(class_name=name, profiles=profiles))
            faults = ["%s: %s" % ("/".join(map(str, e.path)), e.message[:300]) for e in validators[number].iter_errors(event)]
            if event["type_uid"] != number * 100 + event["activity_id"]: faults.append("type_uid")
            if event["category_uid"] != number // 1000: faults.append("category_uid")
            if event["metadata"]["version"] != "1.5.0": faults.append("version")
            for fault in faults:
                wrong = True
                print("event %s of class %d: %s" % (event["metadata"]["uid"], number, fault))
            print("%d.%d" % (number, event["activity_id"]))
        sys.exit(1 if wrong else 0)
        """#
}
