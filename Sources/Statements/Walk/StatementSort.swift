internal import Model

/// What a statement is whose fields say all that it does: its kind, and which of them hold what it is done to.
struct StatementSort: Sendable {
    let kind: SQLKind
    /// Fields with tables.
    var tables: [String] = []
    /// A field with one name, of a function or type.
    var name: String?
    /// A field with a channel's name.
    var plain: String?
    /// It is done to nothing that has a name here, and to nothing else.
    var isNothing = false

    /// Every statement that is not a part of its own in `TreePart`.
    static let table: [String: StatementSort] = {
        var table: [String: StatementSort] = [:]
        func add(_ kind: SQLKind, on tables: [String], _ names: [String]) {
            for name in names { table[name] = StatementSort(kind: kind, tables: tables) }
        }
        func add(_ kind: SQLKind, name: String, _ names: [String]) {
            for other in names { table[other] = StatementSort(kind: kind, name: name) }
        }
        func add(_ kind: SQLKind, _ names: [String]) { add(kind, on: [], names) }
        func addNothing(_ kind: SQLKind, _ names: [String]) {
            for name in names { table[name] = StatementSort(kind: kind, isNothing: true) }
        }
        add(.ddl, on: ["relation"], ["CreateStmt", "IndexStmt", "RuleStmt", "RenameStmt"])
        add(.ddl, on: ["sequence"], ["CreateSeqStmt", "AlterSeqStmt"])
        add(.ddl, on: ["view"], ["ViewStmt"])
        add(.ddl, on: ["typevar"], ["CompositeTypeStmt"])
        add(.ddl, on: ["relations"], ["CreateStatsStmt"])
        add(.ddl, on: ["into"], ["CreateTableAsStmt"])
        add(.ddl, name: "funcname", ["CreateFunctionStmt"])
        add(.ddl, name: "domainname", ["CreateDomainStmt"])
        add(
            .ddl,
            name: "typeName",
            ["CreateEnumStmt", "CreateRangeStmt", "AlterEnumStmt", "AlterDomainStmt", "AlterTypeStmt"]
        )
        add(
            .ddl,
            [
                // It moves what it names to another schema.
                "AlterObjectSchemaStmt",
                "AlterFunctionStmt", "DefineStmt", "CommentStmt", "CreatedbStmt", "CreatePLangStmt",
                "CreateSchemaStmt", "AlterDatabaseStmt", "AlterDatabaseRefreshCollStmt",
                "AlterDatabaseSetStmt",
                "CreateConversionStmt", "CreateCastStmt", "CreateOpClassStmt", "CreateOpFamilyStmt",
                "AlterOpFamilyStmt", "CreateTableSpaceStmt", "AlterObjectDependsStmt", "AlterOperatorStmt",
                "AlterTSDictionaryStmt", "AlterTSConfigurationStmt", "AlterTableSpaceOptionsStmt",
                "AlterTableMoveAllStmt", "CreateExtensionStmt", "AlterExtensionStmt",
                "AlterExtensionContentsStmt",
                "AlterEventTrigStmt", "ReplicaIdentityStmt", "CreateTransformStmt", "CreateAmStmt",
                "AlterCollationStmt", "AlterStatsStmt",
            ]
        )
        add(.grant, on: ["objects"], ["GrantStmt"])
        add(.grant, on: ["relation"], ["AlterOwnerStmt"])
        add(.grant, on: ["table"], ["CreatePolicyStmt", "AlterPolicyStmt"])
        add(
            .grant,
            [
                "GrantRoleStmt", "AlterDefaultPrivilegesStmt", "CreateRoleStmt", "AlterRoleStmt",
                "DropRoleStmt",
                "AlterRoleSetStmt", "DropOwnedStmt", "ReassignOwnedStmt", "SecLabelStmt",
            ]
        )
        add(
            .foreign,
            [
                "CreateFdwStmt", "AlterFdwStmt", "CreateForeignServerStmt", "AlterForeignServerStmt",
                "CreateUserMappingStmt", "AlterUserMappingStmt", "DropUserMappingStmt",
                "CreateForeignTableStmt",
                "ImportForeignSchemaStmt", "CreatePublicationStmt", "AlterPublicationStmt",
                "CreateSubscriptionStmt", "AlterSubscriptionStmt", "DropSubscriptionStmt",
            ]
        )
        add(.drop, ["DropdbStmt", "DropTableSpaceStmt"])
        add(.lock, on: ["relations"], ["LockStmt"])
        add(.maintain, on: ["rels"], ["VacuumStmt"])
        add(.maintain, on: ["relation"], ["ClusterStmt", "ReindexStmt", "RefreshMatViewStmt"])
        addNothing(.fetch, ["FetchStmt"])
        addNothing(.close, ["ClosePortalStmt"])
        addNothing(.declare, ["DeclareCursorStmt"])
        addNothing(.do, ["DoStmt"])
        addNothing(.load, ["LoadStmt"])
        addNothing(.checkpoint, ["CheckPointStmt"])
        addNothing(.alterSystem, ["AlterSystemStmt"])
        addNothing(.transaction, ["ConstraintsSetStmt"])
        for (kind, name) in [
            (SQLKind.listen, "ListenStmt"), (.notify, "NotifyStmt"), (.unlisten, "UnlistenStmt"),
        ] {
            table[name] = StatementSort(kind: kind, plain: "conditionname")
        }
        return table
    }()

    /// What such a statement does besides.
    static let also: [String: SQLKind] = [
        "DropRoleStmt": .drop, "DropOwnedStmt": .drop, "DropUserMappingStmt": .drop,
        "DropSubscriptionStmt": .drop,
        "CreateForeignTableStmt": .ddl, "ImportForeignSchemaStmt": .ddl,
    ]

    /// What it is besides to drop such an object or to give it another name, as it is to make or change one.
    static func kind(ofObject sort: String?) -> SQLKind? {
        switch sort {
        case "OBJECT_ROLE", "OBJECT_POLICY": .grant
        case "OBJECT_FDW", "OBJECT_FOREIGN_SERVER", "OBJECT_PUBLICATION", "OBJECT_SUBSCRIPTION": .foreign
        default: nil
        }
    }
}
