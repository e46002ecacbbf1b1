"""What people and programs see: pure functions of outcomes and findings.

::

    text  tables, reports and closing lines for a terminal or a pipe
    locks the lock table and lock statistics, as tables
    json  the documents of design section 7
"""
