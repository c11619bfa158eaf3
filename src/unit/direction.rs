//! The two directions of a path.

use std::ops::{AddAssign, Index, IndexMut, Sub};

use serde::{Deserialize, Serialize};

/// The direction in which packets travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the client to the server.
    ToServer = 1,
    /// From the server to the client.
    ToClient = 2,
}

impl Direction {
    /// Both directions, in the order of output.
    pub const BOTH: [Self; 2] = [Self::ToServer, Self::ToClient];

    /// The opposite direction.
    pub const fn reverse(self) -> Self {
        match self {
            Self::ToServer => Self::ToClient,
            Self::ToClient => Self::ToServer,
        }
    }
}

/// A value for each direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PerDirection<T> {
    /// From the client to the server.
    pub to_server: T,
    /// From the server to the client.
    pub to_client: T,
}

impl<T> PerDirection<T> {
    /// Calls `of` for each direction, to the server first.
    pub fn from_fn(mut of: impl FnMut(Direction) -> T) -> Self {
        Self { to_server: of(Direction::ToServer), to_client: of(Direction::ToClient) }
    }

    /// The same value for both directions.
    pub fn both(value: T) -> Self
    where
        T: Clone,
    {
        Self { to_server: value.clone(), to_client: value }
    }

    /// References to both values.
    pub const fn as_ref(&self) -> PerDirection<&T> {
        PerDirection { to_server: &self.to_server, to_client: &self.to_client }
    }

    /// Mutable references to both values.
    pub const fn as_mut(&mut self) -> PerDirection<&mut T> {
        PerDirection { to_server: &mut self.to_server, to_client: &mut self.to_client }
    }

    /// Applies `f` to both values, to the server first.
    pub fn map<U>(self, mut f: impl FnMut(T) -> U) -> PerDirection<U> {
        PerDirection { to_server: f(self.to_server), to_client: f(self.to_client) }
    }

    /// Pairs both values with those of `other`.
    pub fn zip<U>(self, other: PerDirection<U>) -> PerDirection<(T, U)> {
        PerDirection {
            to_server: (self.to_server, other.to_server),
            to_client: (self.to_client, other.to_client),
        }
    }

    /// Iterates over both values, to the server first.
    pub fn iter(&self) -> std::array::IntoIter<&T, 2> {
        [&self.to_server, &self.to_client].into_iter()
    }

    /// Iterates mutably over both values, to the server first.
    pub fn iter_mut(&mut self) -> std::array::IntoIter<&mut T, 2> {
        [&mut self.to_server, &mut self.to_client].into_iter()
    }
}

impl<T> Index<Direction> for PerDirection<T> {
    type Output = T;

    fn index(&self, direction: Direction) -> &T {
        match direction {
            Direction::ToServer => &self.to_server,
            Direction::ToClient => &self.to_client,
        }
    }
}

impl<T> IndexMut<Direction> for PerDirection<T> {
    fn index_mut(&mut self, direction: Direction) -> &mut T {
        match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        }
    }
}

impl<T: AddAssign> AddAssign for PerDirection<T> {
    fn add_assign(&mut self, other: Self) {
        self.to_server += other.to_server;
        self.to_client += other.to_client;
    }
}

impl<T: Sub> Sub for PerDirection<T> {
    type Output = PerDirection<T::Output>;

    fn sub(self, other: Self) -> Self::Output {
        PerDirection {
            to_server: self.to_server - other.to_server,
            to_client: self.to_client - other.to_client,
        }
    }
}

impl<'a, T> IntoIterator for &'a PerDirection<T> {
    type Item = &'a T;
    type IntoIter = std::array::IntoIter<&'a T, 2>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, T> IntoIterator for &'a mut PerDirection<T> {
    type Item = &'a mut T;
    type IntoIter = std::array::IntoIter<&'a mut T, 2>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

impl<T> IntoIterator for PerDirection<T> {
    type Item = T;
    type IntoIter = std::array::IntoIter<T, 2>;

    fn into_iter(self) -> Self::IntoIter {
        [self.to_server, self.to_client].into_iter()
    }
}
