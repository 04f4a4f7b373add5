"""What bots switch on in their section `extensions`; each is imported only then.

An extension is a callable `extension(builder, config)`. It is called once, before channels and dialog are made, and
may do with the builder what `builder.Builder` has: add filters and functions, change Jinja's environment, put its own
recogniser or language in place of ours. `config` is what stands below its name, as plain data. It comes with maxbot
(`registry.BUILT_IN`), from an installed package (an entry point of the group `maxbot_extensions`), or from the author
(`available_extensions`).
"""
