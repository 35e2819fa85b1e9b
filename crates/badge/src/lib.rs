//! Physical access: badge readers, door controllers, the access server.
