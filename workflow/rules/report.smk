SHOWN = ("table*.csv", "overview.md", "figures/*.svg", "figures/*.png")


rule report:
    input:
        RULES.reads("report"),
    output:
        RULES.writes("report"),
        tables=report(RULES.report("table*.csv"), caption="../captions/tables.rst", category="Tables"),
        overview=report(RULES.report("overview.md"), caption="../captions/overview.rst", category="Overview"),
        drawings=report(RULES.report("figures/*.svg"), caption="../captions/drawings.rst", category="Figures"),
        pictures=report(RULES.report("figures/*.png"), caption="../captions/pictures.rst", category="Figures"),
        others=RULES.other_pages(*SHOWN),
    params:
        node=RULES.params("report"),
    log:
        RULES.log("report"),
    shell:
        RULES.command("report")
