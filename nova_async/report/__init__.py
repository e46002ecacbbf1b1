"""What people and programs see: pure functions of outcomes and findings.

::

    text     tables, reports and closing lines for a terminal or a pipe
    locks    the lock table and lock statistics, as tables
    json     the documents of design section 7; schemas: what they must look like
    case     one scenario and what came of it: what the formats below are made of
    explored scenarios that were explored: text, JSON, case; columns: a schedule, one column for each task
    junit    JUnit XML          ktap    KTAP version 1
    sarif    SARIF 2.1.0        github  annotations and the step's summary
    dot      the lock graph, as DOT and as JSON
    trace/   Chrome JSON and Perfetto protobuf
    html/    one page, for people
"""
