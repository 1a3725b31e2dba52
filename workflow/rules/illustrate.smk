rule illustrate:
    input:
        RULES.reads("illustrate"),
    output:
        RULES.writes("illustrate"),
        folder=directory(RULES.folders("illustrate")),
    params:
        node=RULES.params("illustrate"),
    log:
        RULES.log("illustrate"),
    threads: THREADS
    shell:
        RULES.command("illustrate")
