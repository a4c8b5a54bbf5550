"""A site's maps: versions with the files they came from, when each is valid, what roadside units are sent of them and send."""
