//! The tables as diesel sees them, the same for both databases. The migrations are the truth.

use diesel::{allow_tables_to_appear_in_same_query, table};

table! {
    users (id) {
        id -> Binary,
        name -> Text,
        role -> Text,
        created_ms -> BigInt,
    }
}

table! {
    sessions (hash) {
        hash -> Binary,
        user_id -> Binary,
        created_ms -> BigInt,
        expires_ms -> BigInt,
    }
}

table! {
    tokens (id) {
        id -> Binary,
        user_id -> Binary,
        name -> Text,
        hash -> Binary,
        created_ms -> BigInt,
        revoked_ms -> Nullable<BigInt>,
    }
}

table! {
    login_links (hash) {
        hash -> Binary,
        user_id -> Binary,
        expires_ms -> BigInt,
        used_ms -> Nullable<BigInt>,
    }
}

table! {
    personas (id) {
        id -> Binary,
        slug -> Text,
        name -> Text,
        role -> Nullable<Text>,
        description -> Text,
        status -> Text,
        version -> BigInt,
        profile -> Text,
        hosts -> Text,
        model -> Nullable<Text>,
        failure_streak -> Integer,
        created_ms -> BigInt,
        updated_ms -> BigInt,
        weight -> Integer,
        zone -> Text,
        wakes_minute -> Integer,
        sleeps_minute -> Integer,
        quotas -> Text,
        autoplan -> Text,
        planned -> Bool,
        permissions -> Text,
        grants -> Text,
        agents -> Text,
        resumed_ms -> Nullable<BigInt>,
    }
}

table! {
    quota_uses (goal) {
        goal -> Binary,
        persona -> Binary,
        unit -> Text,
        units -> Integer,
        at_ms -> BigInt,
        begun -> Bool,
    }
}

table! {
    messages (id) {
        id -> Binary,
        persona -> Binary,
        kind -> Text,
        sender -> Text,
        text -> Text,
        goal -> Binary,
        priority -> Integer,
        state -> Text,
        received_ms -> BigInt,
        serve_by_ms -> BigInt,
        trace -> Binary,
        correlation -> Nullable<Text>,
        project -> Nullable<Text>,
        scored -> Bool,
        falls -> Integer,
        coalescing -> Nullable<Text>,
        optional -> Bool,
        begun -> Bool,
        lane -> Integer,
        deadline_ms -> BigInt,
    }
}

table! {
    goals (id) {
        id -> Binary,
        persona -> Binary,
        title -> Text,
        payload -> Text,
        proof -> Text,
        state -> Text,
        parked_on -> Nullable<Text>,
        attempts -> Integer,
        last_error -> Nullable<Text>,
        result -> Nullable<Text>,
        due_ms -> Nullable<BigInt>,
        version -> BigInt,
        trace -> Binary,
        correlation -> Nullable<Text>,
        project -> Nullable<Text>,
        created_by -> Text,
        created_ms -> BigInt,
        updated_ms -> BigInt,
        first_seq -> BigInt,
        last_seq -> BigInt,
        unit -> Nullable<Text>,
    }
}

table! {
    runs (id) {
        id -> Binary,
        goal -> Binary,
        persona -> Binary,
        attempt -> Integer,
        state -> Text,
        started_ms -> BigInt,
        ended_ms -> Nullable<BigInt>,
        error -> Nullable<Text>,
        trace -> Binary,
        waited_ms -> BigInt,
        first_seq -> BigInt,
        last_seq -> Nullable<BigInt>,
    }
}

table! {
    schedules (id) {
        id -> Binary,
        persona -> Binary,
        name -> Text,
        cron -> Text,
        starts -> Text,
        active -> Bool,
        version -> BigInt,
        handled_ms -> BigInt,
        last_due_ms -> Nullable<BigInt>,
        last_goal -> Nullable<Binary>,
        last_missed -> Nullable<Integer>,
        created_by -> Text,
        created_ms -> BigInt,
        updated_ms -> BigInt,
    }
}

table! {
    big_threes (persona) {
        persona -> Binary,
        hour_ms -> BigInt,
        goals -> Text,
    }
}

table! {
    receipts (pos) {
        node -> Text,
        pos -> BigInt,
        chain -> Binary,
        seq -> BigInt,
        header -> Text,
        hash -> Binary,
        salt -> Nullable<Binary>,
        body -> Nullable<Text>,
        at_ms -> BigInt,
        kind -> Text,
        phase -> Nullable<Text>,
        run -> Nullable<Binary>,
    }
}

table! {
    checkpoints (chain, seq) {
        chain -> Binary,
        seq -> BigInt,
        hash -> Binary,
        signature -> Binary,
        at_ms -> BigInt,
    }
}

table! {
    signing_keys (node, key_id) {
        node -> Text,
        key_id -> Text,
        public_key -> Binary,
        since_ms -> BigInt,
    }
}

table! {
    blobs (hash, chain) {
        hash -> Binary,
        chain -> Binary,
        kind -> Text,
        name -> Text,
        media_type -> Text,
        bytes -> BigInt,
        at_ms -> BigInt,
    }
}

table! {
    secrets (owner, name) {
        owner -> Text,
        name -> Text,
        key_id -> Text,
        nonce -> Binary,
        sealed -> Binary,
        last_four -> Text,
        updated_ms -> BigInt,
    }
}

table! {
    alerts (id) {
        id -> Binary,
        kind -> Text,
        persona -> Nullable<Binary>,
        goal -> Nullable<Binary>,
        text -> Text,
        raised_ms -> BigInt,
        resolved_ms -> Nullable<BigInt>,
    }
}

table! {
    goal_dependencies (goal, prerequisite) {
        goal -> Binary,
        prerequisite -> Binary,
        if_failed -> Text,
    }
}

table! {
    rooms (id) {
        id -> Binary,
        name -> Text,
        name_key -> Text,
        topic -> Text,
        status -> Text,
        version -> BigInt,
        created_by -> Text,
        created_ms -> BigInt,
        updated_ms -> BigInt,
    }
}

table! {
    room_members (room, member) {
        room -> Binary,
        member -> Binary,
        kind -> Text,
        name -> Nullable<Text>,
        joined_ms -> BigInt,
    }
}

table! {
    room_messages (id) {
        id -> Binary,
        room -> Binary,
        kind -> Text,
        author -> Nullable<Binary>,
        author_name -> Text,
        text -> Text,
        goal -> Nullable<Binary>,
        reply_to -> Nullable<Binary>,
        run -> Nullable<Binary>,
        receipt -> Nullable<Binary>,
        at_ms -> BigInt,
        trace -> Binary,
        correlation -> Nullable<Text>,
    }
}

table! {
    room_turns (goal) {
        goal -> Binary,
        message -> Binary,
        room -> Binary,
        about -> Binary,
        persona -> Binary,
        from_person -> Bool,
        named -> Bool,
        state -> Text,
        thought -> Text,
        relevance -> Integer,
        reluctant -> Bool,
        why -> Text,
        opened_ms -> BigInt,
        granted_ms -> Nullable<BigInt>,
        moved_ms -> BigInt,
    }
}

table! {
    inboxes (persona) {
        persona -> Binary,
        waiting -> Integer,
    }
}

table! {
    standing_waits (id) {
        id -> Binary,
        waiter -> Binary,
        watched -> Binary,
        kind -> Nullable<Text>,
        tag -> Nullable<Text>,
        text -> Nullable<Text>,
        created_by -> Text,
        created_ms -> BigInt,
        seen_seq -> BigInt,
        told -> Integer,
        told_ms -> Nullable<BigInt>,
        ended_ms -> Nullable<BigInt>,
        ended_because -> Nullable<Text>,
    }
}

table! {
    budgets (scope) {
        scope -> Text,
        version -> BigInt,
        limits -> Text,
    }
}

table! {
    mcp_pins (server, tool) {
        server -> Text,
        tool -> Text,
        definition -> Text,
        hash -> Binary,
        confirmed_by -> Text,
        confirmed_ms -> BigInt,
    }
}

table! {
    ledger_entries (id) {
        id -> Binary,
        persona -> Nullable<Binary>,
        user_name -> Text,
        goal -> Nullable<Binary>,
        run -> Nullable<Binary>,
        step -> Integer,
        at_ms -> BigInt,
        reserved_tokens -> BigInt,
        reserved_micro_usd -> BigInt,
        settled_ms -> Nullable<BigInt>,
        spent_tokens -> BigInt,
        spent_micro_usd -> BigInt,
    }
}

table! {
    ledger_totals (scope, slot_ms) {
        scope -> Text,
        slot_ms -> BigInt,
        reserved_tokens -> BigInt,
        reserved_micro_usd -> BigInt,
        spent_tokens -> BigInt,
        spent_micro_usd -> BigInt,
    }
}

table! {
    virtual_keys (id) {
        id -> Binary,
        name -> Text,
        hash -> Binary,
        tail -> Text,
        persona -> Nullable<Binary>,
        models -> Text,
        per_minute -> Integer,
        created_by -> Text,
        created_ms -> BigInt,
        revoked_ms -> Nullable<BigInt>,
        keeps_words -> Bool,
    }
}

table! {
    approvals (id) {
        id -> Binary,
        persona -> Binary,
        goal -> Binary,
        run -> Binary,
        step -> Integer,
        call_key -> Text,
        tool -> Text,
        digest -> Binary,
        state -> Text,
        subject -> Text,
        again -> Bool,
        asked_ms -> BigInt,
        expires_ms -> BigInt,
        decided_by -> Nullable<Text>,
        decided_ms -> Nullable<BigInt>,
        note -> Nullable<Text>,
    }
}

table! {
    active_personas (user_id) {
        user_id -> Binary,
        persona -> Binary,
    }
}

table! {
    host_policies (host) {
        host -> Text,
        version -> BigInt,
        policy -> Text,
    }
}

table! {
    tryouts (id) {
        id -> Binary,
        tool -> Text,
        persona -> Nullable<Binary>,
        effect -> Text,
        tried_by -> Text,
        trace -> Binary,
        begun_ms -> BigInt,
    }
}

allow_tables_to_appear_in_same_query!(
    virtual_keys,
    active_personas,
    approvals,
    budgets,
    ledger_entries,
    ledger_totals,
    mcp_pins,
    users,
    sessions,
    tokens,
    login_links,
    personas,
    quota_uses,
    messages,
    goals,
    host_policies,
    goal_dependencies,
    runs,
    receipts,
    checkpoints,
    signing_keys,
    blobs,
    secrets,
    alerts,
    rooms,
    room_members,
    room_messages,
    room_turns,
    big_threes,
    inboxes,
    schedules,
    standing_waits,
    tryouts,
);
