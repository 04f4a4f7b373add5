"""The bugs that show that the tests can fail, a file an area: `scripts/plant-bugs` plants each and expects red."""

from tests.planted import channels, delivery, hardened, language, server, storage

BUGS = (*delivery.BUGS, *storage.BUGS, *server.BUGS, *channels.BUGS, *language.BUGS, *hardened.BUGS)
